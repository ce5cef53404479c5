// SPDX-License-Identifier: Apache-2.0
//
// Reads URLs and targets. Each accepted text has parts that are valid on the wire, reads the same
// after it is written, and stays valid when it is joined, edited and cleaned.

#include <onehop/url.hpp>

#include "base/ascii.hpp"
#include "base/check.hpp"
#include "fuzz_one.hpp"
#include "http/host.hpp"

#include <algorithm>
#include <string>
#include <string_view>

namespace onehop::fuzz {
namespace {

using namespace onehop::literals;  // NOLINT(google-build-using-namespace)

void check_decoded(const Url& url) {
  const std::string decoded = url.decoded_path();
  const auto escapes = std::count(url.path().begin(), url.path().end(), '%');
  ONEHOP_CHECK(decoded.size() + 2 * static_cast<std::size_t>(escapes) == url.path().size());
  if (escapes == 0) ONEHOP_CHECK(decoded == url.path());
}

void check_target(const Url& url) {
  const std::string_view target = url.target();
  ONEHOP_CHECK(target == "*" || target.starts_with('/'));
  ONEHOP_CHECK(std::all_of(target.begin(), target.end(), ascii::is_target_byte));
  ONEHOP_CHECK(target.find('#') == std::string_view::npos);
  const Result<Url> again = Url::parse_target(target);
  ONEHOP_CHECK(again.has_value());
  ONEHOP_CHECK(again->target() == target);
  ONEHOP_CHECK(again->query() == url.query());
  check_decoded(url);
  ONEHOP_CHECK(again->has_query() == url.has_query());
}

void check_authority(const Url& url) {
  ONEHOP_CHECK(url.is_absolute());
  ONEHOP_CHECK(url.user_info().find_first_of("@/") == std::string_view::npos);
  ONEHOP_CHECK(split_authority(url.authority()).has_value());
  ONEHOP_CHECK(!url.host().empty());
  if (url.scheme() == "unix") {
    ONEHOP_CHECK(!url.socket_path().empty());
    return;
  }
  ONEHOP_CHECK(url.port() != 0);
  const Result<Url> again = Url::parse(url.to_string());
  ONEHOP_CHECK(again.has_value());
  ONEHOP_CHECK(again->to_string() == url.to_string());
  ONEHOP_CHECK(again->authority() == url.authority());
}

void check_edits(Url url, std::string_view text) {
  const Url before = url;
  if (!url.set_path(text)) ONEHOP_CHECK(url == before);
  check_target(url);
  const Url with_path = url;
  if (!url.set_query(text)) ONEHOP_CHECK(url == with_path);
  check_target(url);
  url.clean_query();
  check_target(url);
  ONEHOP_CHECK(url.query().find(';') == std::string_view::npos);
  const std::string clean(url.query());
  url.clean_query();
  ONEHOP_CHECK(url.query() == clean);
}

}  // namespace

void fuzz_one(std::string_view input) {
  if (const Result<Url> url = Url::parse(input)) {
    check_target(*url);
    check_authority(*url);
    check_target(Url().resolved_below(*url));
  }
  if (const Result<Url> target = Url::parse_target(input)) {
    check_target(*target);
    for (const Url& base : {"http://b"_url, "http://b/base?x=1"_url, "http://b/a/"_url}) {
      const Url joined = target->resolved_below(base);
      check_target(joined);
      check_authority(joined);
    }
    check_target(target->without_authority());
    check_edits(*target, input);
  }
  check_edits("http://h/p?q"_url, input);
}

}  // namespace onehop::fuzz
