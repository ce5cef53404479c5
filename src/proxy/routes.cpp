// SPDX-License-Identifier: Apache-2.0

#include <onehop/routes.hpp>

#include <onehop/reverse_proxy.hpp>

#include "http/header_lines.hpp"
#include "http/limited_body.hpp"
#include "proxy/error_response.hpp"
#include "proxy/forwarded.hpp"
#include "proxy/map_back.hpp"
#include "proxy/route_host.hpp"
#include "proxy/route_path.hpp"
#include "proxy/route_table.hpp"

#include <cstddef>
#include <cstdint>
#include <utility>

namespace onehop {
namespace {

task<Response> respond(Response response) {
  co_return response;
}

Response refused(const Request& request, const Error& error) {
  if (ExchangeRecord* const record = request.record()) {
    if (!record->failure) record->failure = error;
  }
  return default_error_response(request, error);
}

// Reports whether the client sent the request on a connection that it opened for another host (RFC
// 9113 §9.1.2). After a 421, the client sends the request again on a connection for this host.
bool is_misdirected(const Request& request) {
  const ConnectionInfo& connection = request.connection();
  if (connection.version != Version::http_2 || connection.tls_info == nullptr) return false;
  const std::string_view name = connection.tls_info->server_name;
  return !name.empty() && ComparedHost(name).text() != ComparedHost(request.host()).text();
}

// `to` and `change` belong to the route, which outlives the request.
task<Response> serve_mapped_back(const Handler* to, const PrefixChange* change, Request request) {
  const ArenaRef memory = HeaderLines(request.headers()).arena_or_none();  // holds `host`
  const std::string_view host = request.host();
  const ClientPlace client = client_place(request, request.connection().peer_is_trusted);
  Response response = co_await to->serve(std::move(request));
  map_back(response, *change, {host, client.host});
  co_return response;
}

}  // namespace

struct Routes::State {
  // A route in the form that serve() needs.
  struct Target {
    std::string name;
    std::shared_ptr<const Handler> to;
    PrefixChange change;
    std::size_t stripped = 0;  // the size of change.strip, where an escape is one byte
    Limit<std::uint64_t> max_body = no_limit;
    bool changes_path = false;
    bool maps_back = false;
  };

  State(const std::vector<Route>& routes, OnChosen then);
  // Writes the chosen route to the request's record.
  void record(std::size_t chosen, const Request& request) const;
  // Removes and adds the prefixes of `target`. Returns Errc::bad_url if the new path is not valid.
  static Result<void> change_path(Url& url, const Target& target);

  RouteTable table;
  std::vector<Target> targets;
  OnChosen on_chosen;
};

Routes::State::State(const std::vector<Route>& routes, OnChosen then)
    : table(routes), on_chosen(std::move(then)) {
  for (const Route& route : routes) {
    Target target{.name = route.name.empty() ? RouteTable::conditions_of(route) : route.name,
                  .to = route.to,
                  .change = {.strip = route.strip_prefix, .add = route.add_prefix},
                  .max_body = route.max_body};
    target.stripped = PathStart(route.strip_prefix, kMaxRoutePath).text().size();
    target.changes_path = !route.strip_prefix.empty() || !route.add_prefix.empty();
    target.maps_back = route.map_back && target.changes_path;
    targets.push_back(std::move(target));
  }
}

void Routes::State::record(std::size_t chosen, const Request& request) const {
  ExchangeRecord* const record = request.record();
  if (record == nullptr) return;
  record->route = targets[chosen].name;
  record->route_number = static_cast<std::uint32_t>(chosen + 1);
  if (on_chosen) on_chosen(*record);
}

Result<void> Routes::State::change_path(Url& url, const Target& target) {
  if (url.is_asterisk()) return {};  // concerns the whole server
  std::string path = target.change.add;
  path += without_start(url.path(), target.stripped);
  return url.set_path(path.empty() ? "/" : path);
}

Routes::Routes(std::vector<Route> routes, OnChosen on_chosen)
    : state_(std::make_unique<const State>(routes, std::move(on_chosen))) {}
Routes::Routes(Routes&&) noexcept = default;
Routes& Routes::operator=(Routes&&) noexcept = default;
Routes::~Routes() = default;

task<Response> Routes::serve(Request request) const {
  const auto found = state_->table.find({.host = request.host(),
                                         .path = request.url().path(),
                                         .method = request.method(),
                                         .headers = request.headers()});
  if (!found) {
    if (found.error() == RouteMiss::ambiguous_path) {
      return respond(refused(request, Error(Errc::bad_request, Side::client,
                                            "the path could be read as that of another route")));
    }
    const bool is_misplaced = found.error() == RouteMiss::unknown_host && is_misdirected(request);
    return respond(
        response_to(request, is_misplaced ? Status::misdirected_request : Status::not_found));
  }
  const State::Target& target = state_->targets[*found];
  state_->record(*found, request);
  if (!target.max_body.is_none()) {
    const Result<void> limited = limit_body(request, target.max_body);
    if (!limited) return respond(refused(request, limited.error()));
  }
  if (target.changes_path) {
    const Result<void> changed = State::change_path(request.url(), target);
    if (!changed) return respond(refused(request, changed.error()));
  }
  if (!target.maps_back) return target.to->serve(std::move(request));
  return serve_mapped_back(target.to.get(), &target.change, std::move(request));
}

}  // namespace onehop
