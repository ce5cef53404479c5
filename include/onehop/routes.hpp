// SPDX-License-Identifier: Apache-2.0
//
// Routes is a Handler that chooses among handlers by host and path. The order of the routes does
// not matter: of those that take a request, the most specific one gets it.
//
//   onehop::Routes routes({
//       {.hosts = {"a.example"}, .path = "/api/*", .to = onehop::make_handler(std::move(api))},
//       {.to = onehop::make_handler(std::move(web))},
//   });
//
// A request that no route takes gets a 404, or, if it came over HTTP/2 with TLS on a connection
// that was made for another host, and no route has its host, a 421. Routes are a handler, so a
// route may lead to other Routes. All workers call it at once.
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

// Route is which requests to take, and what becomes of them. It is a value.
struct Route {
  // ExchangeRecord::route of the requests that it takes. "": its conditions, as in
  // "POST a.example/api/*".
  std::string name = {};

  // The request's host is one of these, without regard to case and port; empty: any host.
  // "*.example.org" takes each name below example.org, but not example.org. A name is more specific
  // than "*.": of these the longest counts, and any host is the least specific.
  std::vector<std::string> hosts = {};
  // The path of the request, of which the query is not a part. "/api/*" takes /api and all below
  // it, /api/x but not /apix; "/api" takes this path only; "/*" takes every path. Of the routes for
  // a host, an exact path is the most specific, then the longest one. An escape is equal to the
  // character that it stands for.
  //
  // Where the path decides, one that a backend could read as another is refused with 400: with an
  // empty segment, a segment "." or "..", a backslash, or one of %00, %2e, %2f and %5c; and one
  // that another route would take without the parameters of its segments ("/api;v=1/x"), since some
  // backends take them off. Where each route for the host takes every path, none is refused.
  std::string path = "/*";
  // Of routes with the same host and path, one with a header is the most specific, then one with a
  // method. std::nullopt: any method.
  std::optional<Method> method = {};
  // "X-Beta": the request has this field. "X-Beta: yes": and its first line has this value,
  // exactly. Of routes for several names, the first one in the order of the alphabet is preferred.
  std::string header = {};

  // Gets the requests. Required; see redirect_to() and respond_with() for two without a backend.
  std::shared_ptr<const Handler> to = {};
  // Removed from the beginning of the path that `to` gets, "/api": /api/x becomes /x, and /api
  // becomes /. `path` has to begin with it.
  std::string strip_prefix = {};
  // Added then, "/v2": /x becomes /v2/x.
  std::string add_prefix = {};
  // Undoes both in responses: in the path of a Location, Content-Location or Refresh that leads to
  // the request's host, and in the Path of cookies. For applications that do not know of the
  // prefix. A cookie __Host-* is left alone, since its Path is always "/".
  bool map_back = false;
  // The maximum size of a request body in bytes (413). Server::Options::max_body counts first: for
  // a route that takes more than others, set it there and a lower one in the others.
  Limit<std::uint64_t> max_body = no_limit;
};

class Routes final : public Handler {
 public:
  // Called on the request's worker when a route takes it, before anything else is done with it: the
  // record has the route. It must not throw.
  using OnChosen = std::function<void(const ExchangeRecord&)>;

  // Throws std::invalid_argument if two routes take the same requests, or if a part of one is not
  // valid; the text names the routes.
  explicit Routes(std::vector<Route> routes, OnChosen on_chosen = {});
  Routes(Routes&&) noexcept;
  Routes& operator=(Routes&&) noexcept;
  ~Routes() override;

  task<Response> serve(Request request) const override;

 private:
  struct State;
  std::unique_ptr<const State> state_;
};

// Returns a handler that redirects to `target`, an http or https URL or a path. "/*" at its end
// stands for the path and the query of the request, as the handler gets them (see
// Route::strip_prefix); "?*" at its end for the query alone. Throws std::invalid_argument if
// `target` is neither, or `status` is not 301, 302, 303, 307 or 308.
std::shared_ptr<const Handler> redirect_to(std::string target,
                                           Status status = Status::temporary_redirect);

// Returns a handler that responds with `status` and, unless the status forbids content, a short
// text, or JSON or HTML as Accept asks. Throws std::invalid_argument if `status` is a 1xx.
std::shared_ptr<const Handler> respond_with(Status status);

}  // namespace onehop
