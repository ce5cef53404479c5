// SPDX-License-Identifier: Apache-2.0
//
// Routes is a Handler that chooses among handlers by host and path. The order of the routes does
// not matter: of the routes that match a request, the most specific one gets it.
//
//   onehop::Routes routes({
//       {.hosts = {"a.example"}, .path = "/api/*", .to = onehop::make_handler(std::move(api))},
//       {.to = onehop::make_handler(std::move(web))},
//   });
//
// A request that no route matches gets a 404. If no route has its host, and it came over HTTP/2
// with TLS on a connection that was made for another host, it gets a 421. Routes is a handler, so a
// route may lead to another Routes. All workers call it at the same time.
#pragma once

#include <onehop/handler.hpp>
#include <onehop/limit.hpp>
#include <onehop/method.hpp>
#include <onehop/request.hpp>
#include <onehop/response.hpp>
#include <onehop/status.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace onehop {

// Route describes which requests it matches, and how they are handled. It is a value.
struct Route {
  // The ExchangeRecord::route of matching requests. "": the route's conditions, as in "POST
  // a.example/api/*".
  std::string name = {};

  // The hosts that match, regardless of case and port; empty: any host. "*.example.org" matches
  // every name below example.org, but not example.org. A full name is the most specific, then the
  // longest name with "*.", then any host.
  std::vector<std::string> hosts = {};
  // The paths that match, without the query. "/api/*" matches /api and everything below it (/api/x
  // but not /apix), "/api" only this path, and "/*" every path. Of the routes for a host, an exact
  // path is the most specific, then the longest one. An escape is equal to the character that it
  // stands for.
  //
  // Where the path decides, a path that a backend could read as another one is refused with 400: a
  // path with an empty segment, a segment "." or "..", a backslash, or one of %00, %2e, %2f and
  // %5c; and a path that another route would match if the parameters of its segments ("/api;v=1/x")
  // were removed, as some backends do. If each route for the host matches every path, none is
  // refused.
  std::string path = "/*";
  // Of routes with the same host and path, one with a header is the most specific, then one with a
  // method. std::nullopt: any method.
  std::optional<Method> method = {};
  // "X-Beta" matches requests with this field; "X-Beta: yes" matches if the first line of the field
  // has exactly this value. Of routes with different field names, the alphabetically first is
  // preferred.
  std::string header = {};

  // The handler of the requests. Required; redirect_to() and respond_with() return handlers that
  // need no backend.
  std::shared_ptr<const Handler> to = {};
  // Removed from the beginning of the path that `to` gets: with "/api", /api/x becomes /x, and /api
  // becomes /. `path` must begin with it.
  std::string strip_prefix = {};
  // Added after that: with "/v2", /x becomes /v2/x.
  std::string add_prefix = {};
  // Reverses both in responses, for applications that do not know the prefix: in the path of a
  // Location, Content-Location or Refresh that leads to the request's host, and in the Path of
  // cookies. Cookies named __Host-* are not changed, since their Path is always "/".
  bool map_back = false;
  // The maximum size of a request body in bytes (413). Server::Options::max_body applies first: to
  // allow more in one route than in others, raise that limit, and set lower ones in the other
  // routes.
  Limit<std::uint64_t> max_body = no_limit;
};

class Routes final : public Handler {
 public:
  // Called on the request's worker when a route was chosen, before anything else is done with the
  // request. The record has the route. The function must not throw.
  using OnChosen = std::function<void(const ExchangeRecord&)>;

  // Throws std::invalid_argument if two routes match the same requests, or if a part of a route is
  // invalid; the message names the routes.
  explicit Routes(std::vector<Route> routes, OnChosen on_chosen = {});
  Routes(Routes&&) noexcept;
  Routes& operator=(Routes&&) noexcept;
  ~Routes() override;

  task<Response> serve(Request request) const override;

 private:
  struct State;
  std::unique_ptr<const State> state_;
};

// Returns a handler that redirects to `target`, an http or https URL or a path. A "/*" at its end
// stands for the path and the query of the request, as the handler gets them (see
// Route::strip_prefix); a "?*" at its end stands for the query alone. Throws std::invalid_argument
// if `target` is neither, or `status` is not 301, 302, 303, 307 or 308.
std::shared_ptr<const Handler> redirect_to(std::string target,
                                           Status status = Status::temporary_redirect);

// Returns a handler that responds with `status` and, unless the status forbids content, a short
// text, or JSON or HTML as Accept requests. Throws std::invalid_argument if `status` is a 1xx, or
// is 206, 401, 405, 407 or 426, which need a field that only the resource knows.
std::shared_ptr<const Handler> respond_with(Status status);

}  // namespace onehop
