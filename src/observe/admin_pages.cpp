// SPDX-License-Identifier: Apache-2.0
#include "observe/admin_pages.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace onehop::observe {
namespace {

Response plain(Status status, std::string text) {
  return Response(status, std::move(text));
}

// Returns the response to a request whose method the page does not support; std::nullopt if the
// page supports it.
std::optional<Response> refused_method(const AdminPage& page, const Request& request) {
  const Method& method = request.method();
  const bool is_read = page.access == AdminAccess::read;
  const bool fits =
      is_read ? method == Method::get || method == Method::head : method == Method::post;
  if (fits) return std::nullopt;
  Response refusal =
      plain(Status::method_not_allowed, is_read ? "This page accepts only GET and HEAD.\n"
                                                : "This command accepts only POST.\n");
  refusal.headers().set("Allow", is_read ? "GET, HEAD" : "POST");
  return refusal;
}

// Forbids clients to store an admin page, to guess its type, and to load it from another site's
// page.
void set_common_fields(Response& response) {
  Headers& headers = response.headers();
  if (!headers.get("Cache-Control")) headers.set("Cache-Control", "no-store");
  headers.set("X-Content-Type-Options", "nosniff");
  headers.set("Cross-Origin-Resource-Policy", "same-origin");
}

}  // namespace

AdminPage text_page(std::string path, std::string content_type, std::function<std::string()> make) {
  return response_page(std::move(path),
                       [type = std::move(content_type), make = std::move(make)](const Request&) {
                         Response response(Status::ok, make());
                         response.headers().set("Content-Type", type);
                         return response;
                       });
}

AdminPage response_page(std::string path, std::function<Response(const Request&)> respond) {
  return {.path = std::move(path),
          .access = AdminAccess::read,
          .serve = [respond = std::move(respond)](Request request) -> task<Response> {
            co_return respond(request);
          }};
}

AdminPages::AdminPages(std::vector<AdminPage> pages, AdminRules rules)
    : pages_(std::move(pages)), rules_(std::move(rules)) {}

const AdminPage* AdminPages::find(std::string_view path) const noexcept {
  const auto found = std::ranges::find(pages_, path, &AdminPage::path);
  return found == pages_.end() ? nullptr : &*found;
}

task<Response> AdminPages::serve(Request request) const {
  std::optional<Response> refusal = rules_.refusal(request);
  // A client that guesses secrets or names then needs a new connection for each guess.
  if (refusal) refusal->headers().set("Connection", "close");
  const AdminPage* const page = find(request.url().path());
  if (!refusal && page == nullptr) refusal = plain(Status::not_found, "No such page.\n");
  if (!refusal) refusal = refused_method(*page, request);
  if (!refusal && page->access == AdminAccess::change && !AdminRules::is_local(request)) {
    refusal = plain(Status::forbidden,
                    "This listener is read-only; send commands to the admin socket.\n");
  }
  if (refusal) {
    set_common_fields(*refusal);
    co_return std::move(*refusal);
  }
  auto serving = page->serve(std::move(request));
  Response response = co_await std::move(serving);
  set_common_fields(response);
  co_return response;
}

}  // namespace onehop::observe
