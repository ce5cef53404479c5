// SPDX-License-Identifier: Apache-2.0
//
// redirect_to() and respond_with() of <onehop/routes.hpp>.

#include <onehop/routes.hpp>

#include "http/field_names.hpp"
#include "proxy/error_response.hpp"
#include "proxy/redirect_status.hpp"
#include "proxy/route_path.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace onehop {
namespace {

// The part of the request that is added to the target.
enum class Kept : std::uint8_t { nothing, query, path_and_query };

class Redirect final : public Handler {
 public:
  Redirect(std::string target, Status status) : base_(std::move(target)), status_(status) {
    if (!is_redirect_status(status)) {
      refuse("the status " + std::to_string(status.code()) + " is not " + redirect_statuses());
    }
    const std::string given = base_;
    if (base_.ends_with("/*")) {
      kept_ = Kept::path_and_query;
      base_.resize(base_.size() - 2);
    } else if (base_.ends_with("?*")) {
      kept_ = Kept::query;
      base_.resize(base_.size() - 2);
    }
    check(given);
  }

  task<Response> serve(Request request) const override {
    const Url& url = request.url();
    std::string place = base_;
    if (kept_ == Kept::path_and_query) {
      const std::string_view path = url.path();
      if (url.is_asterisk() || (base_.empty() && leads_away(path))) {
        co_return response_to(request, Status::bad_request);
      }
      place += path.empty() ? std::string_view("/") : path;
    }
    if (kept_ != Kept::nothing && url.has_query()) place.append("?").append(url.query());
    Response response = response_to(request, status_);
    response.headers().set(field::location, place);
    co_return response;
  }

 private:
  [[noreturn]] static void refuse(const std::string& why) {
    throw std::invalid_argument("redirect_to: " + why);
  }

  void check(const std::string& given) const {
    if (base_.find('*') != std::string::npos) {
      refuse("\"" + given + "\" may have '*' only at its end, as \"/*\" or \"?*\"");
    }
    if (kept_ != Kept::nothing && base_.find_first_of("?#") != std::string::npos) {
      refuse("\"" + given + "\" has a query or a fragment before its '*'");
    }
    if (given.starts_with("//"))
      refuse("\"" + given + "\": write the scheme, \"https:" + given + "\"");
    const bool is_path = given.starts_with('/');
    const Result<Url> url = Url::parse(is_path ? "http://host" + base_ : base_);
    if (!url) refuse(std::string(url.error().detail()));
    if (url->scheme() != "http" && url->scheme() != "https") {
      refuse("\"" + given + "\" is neither an http or https URL nor a path");
    }
  }

  std::string base_;  // without "/*" and "?*"
  Status status_;
  Kept kept_ = Kept::nothing;
};

struct NeededField {
  Status status;
  std::string_view name;
};

// The fields that RFC 9110 requires in responses with these statuses. Only the resource knows their
// values.
constexpr std::array<NeededField, 5> kNeededFields{{
    {Status::partial_content, "Content-Range"},
    {Status::unauthorized, "WWW-Authenticate"},
    {Status::method_not_allowed, "Allow"},
    {Status::proxy_authentication_required, "Proxy-Authenticate"},
    {Status::upgrade_required, "Upgrade"},
}};

}  // namespace

std::shared_ptr<const Handler> redirect_to(std::string target, Status status) {
  return std::make_shared<const Redirect>(std::move(target), status);
}

std::shared_ptr<const Handler> respond_with(Status status) {
  if (status.is_informational()) {
    throw std::invalid_argument("respond_with: a " + std::to_string(status.code()) +
                                " is not a final response");
  }
  const auto* const needed = std::ranges::find(kNeededFields, status, &NeededField::status);
  if (needed != kNeededFields.end()) {
    throw std::invalid_argument("respond_with: a " + std::to_string(status.code()) +
                                " must have the field " + std::string(needed->name) +
                                ", which a fixed response does not have");
  }
  return make_handler([status](const Request& request) { return response_to(request, status); });
}

}  // namespace onehop
