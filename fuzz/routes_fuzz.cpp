// SPDX-License-Identifier: Apache-2.0
//
// Makes routes and a request from the input. Equal routes are refused; otherwise the table must
// find the same route as a slow search.

#include "base/check.hpp"
#include "fuzz_one.hpp"
#include "proxy/route_table.hpp"
#include "support/route_cases.hpp"

#include <stdexcept>
#include <string_view>

namespace onehop::fuzz {
namespace {

using test::RouteReference;

RouteReference::Kind kind_of(RouteMiss miss) {
  switch (miss) {
    case RouteMiss::no_route:
      return RouteReference::Kind::no_route;
    case RouteMiss::unknown_host:
      return RouteReference::Kind::unknown_host;
    case RouteMiss::ambiguous_path:
      break;
  }
  return RouteReference::Kind::ambiguous_path;
}

void compare(const test::RouteCase& made) {
  const RouteReference reference(made);
  try {
    const RouteTable table(made.routes);
    ONEHOP_CHECK(!reference.has_equal_routes());
    Headers headers;
    for (const auto& [name, value] : made.fields)
      headers.add(name, value);
    const auto found = table.find(
        {.host = made.host, .path = made.path, .method = made.method, .headers = headers});
    const RouteReference::Choice expected = reference.find();
    if (found) {
      ONEHOP_CHECK(expected == (RouteReference::Choice{RouteReference::Kind::found, *found}));
    } else {
      ONEHOP_CHECK(expected.kind == kind_of(found.error()));
    }
  } catch (const std::invalid_argument&) {
    ONEHOP_CHECK(reference.has_equal_routes());
  }
}

// Checks any path: an accepted pattern is below itself, and a prefix can be removed.
void check_any_path(std::string_view text) {
  const bool is_odd = is_ambiguous_path(text);
  const PathStart start(text, kMaxRoutePath);
  ONEHOP_CHECK(start.text().size() <= text.size());
  if (const auto pattern = parse_path_pattern(text)) {
    ONEHOP_CHECK(!is_odd);
    const std::string_view path = text.substr(0, text.size() - (pattern->below ? 2 : 0));
    const PathStart own(path, kMaxRoutePath);
    ONEHOP_CHECK(own.text() == pattern->text);
    ONEHOP_CHECK(without_start(path, pattern->text.size()).empty());
  }
}

}  // namespace

void fuzz_one(std::string_view input) {
  check_any_path(input);
  compare(test::made_case([&input]() -> std::uint8_t {
    if (input.empty()) return 0;
    return take_byte(input);
  }));
}

}  // namespace onehop::fuzz
