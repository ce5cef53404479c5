// SPDX-License-Identifier: Apache-2.0
#include "upstream/choice.hpp"

#include <onehop/cookies.hpp>

#include "http/message_access.hpp"
#include "transport/resend.hpp"
#include "upstream/key_hash.hpp"

#include <algorithm>
#include <charconv>
#include <new>
#include <string>
#include <utility>

namespace onehop::upstream {
namespace {

// Returns 0 if the value is not one of ours.
std::uint64_t parse_cookie(std::string_view value) noexcept {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number, 16);
  return error == std::errc() && end == value.data() + value.size() ? number : 0;
}

bool has_status(const std::vector<int>& statuses, const Response& response) {
  return std::ranges::find(statuses, response.status().code()) != statuses.end();
}

// Also records the origin for the proxy, which may have to undo it.
void set_host(Request& request, const Url& endpoint) {
  request.set_host(endpoint.authority());
  ExchangeRecord* const record = request.record();
  if (record == nullptr) return;
  std::string origin(endpoint.scheme());
  origin.append("://").append(endpoint.authority());
  record->upstream_origin = MessageAccess::memory(request).copy(origin);
}

}  // namespace

void Choice::begin(const Request& request) {
  reactor_ = &io::Reactor::current();
  view_ = WorkerViews::view(*reactor_, group_);
  is_repeatable_ = transport::is_repeatable(request);
  is_secure_ = request.connection().tls;
  const Upstream::Options& options = group_->options();
  if (options.balance == Balance::hash) key_ = hash_of(options.hash_key(request));
  if (options.sticky.name.empty()) return;
  cookie_ = parse_cookie(Cookies(request.headers()).get_or_empty(options.sticky.name));
}

// Leaves the current endpoint. If the trial of an ejected one has shown nothing, another request
// may try it.
void Choice::leave() noexcept {
  if (current_ && tries_) group_->end_trial(*current().endpoint, reactor_->now());
  tries_ = false;
  use_ = {};
}

Wanted Choice::wanted() const noexcept {
  return {.now = reactor_->now(),
          .tried = std::span(tried_).first(attempts_),
          .is_repeatable = is_repeatable_,
          .key = key_};
}

bool Choice::has_next() const noexcept {
  return attempts_ < group_->options().max_attempts && view_->balancer().has_choice(wanted());
}

// Returns the endpoint that the client has a cookie for, unless another was tried or it cannot be
// used.
std::optional<std::size_t> Choice::of_cookie() const noexcept {
  if (cookie_ == 0 || attempts_ > 0) return std::nullopt;
  const MemberList& members = view_->members();
  const auto found = std::ranges::find(members, cookie_, &Member::cookie);
  if (found == members.end()) return std::nullopt;
  const auto index = static_cast<std::size_t>(found - members.begin());
  if (!view_->balancer().is_usable(index)) return std::nullopt;
  return index;
}

bool Choice::next(Request& request) {
  if (!view_) begin(request);
  if (attempts_ == group_->options().max_attempts) return false;
  auto chosen = of_cookie();
  if (!chosen) chosen = view_->balancer().choose(wanted());
  if (!chosen) return false;
  if (current_) leave();
  current_ = chosen;
  tried_[attempts_++] = *chosen;
  Endpoint& endpoint = *current().endpoint;
  tries_ = is_passed_over(endpoint.condition());
  use_ = take_use();
  const Url& url = request.url();
  if (url.authority() != endpoint.url.authority() || url.scheme() != endpoint.url.scheme() ||
      url.socket_path() != endpoint.url.socket_path()) {
    request.set_url(std::move(request.url()).resolved_below(endpoint.url));
  }
  if (group_->options().host_of_endpoint) set_host(request, endpoint.url);
  return true;
}

std::string_view Choice::connect_address() const noexcept {
  return current().endpoint->connect_address;
}

transport::EndpointUse Choice::take_use() noexcept {
  if (use_) return std::move(use_);
  const std::shared_ptr<Endpoint>& endpoint = current().endpoint;
  return transport::EndpointUse({endpoint, &endpoint->load});
}

void Choice::on_failure(const Error& error, bool is_its_fault) noexcept {
  if (!is_its_fault) return;  // the endpoint may be tried again
  tries_ = false;
  use_ = {};
  try {
    group_->on_failure(*current().endpoint, error.to_string(), reactor_->now());
  } catch (const std::bad_alloc&) {  // it is counted next time
  }
}

bool Choice::on_response(Response& response) {
  Endpoint& endpoint = *current().endpoint;
  const Upstream::Options& options = group_->options();
  const Time now = reactor_->now();
  const bool is_failure = has_status(options.failure_statuses, response);
  try {
    if (is_failure) {
      group_->on_failure(endpoint, "status " + std::to_string(response.status().code()), now);
    } else {
      group_->on_success(endpoint, tries_, now);
    }
  } catch (const std::bad_alloc&) {
  }
  tries_ = false;
  if (!options.sticky.name.empty() && current().cookie != cookie_) {
    add_cookie(response, group_->cookie_of(current().cookie, is_secure_));
  }
  return has_status(options.retry_statuses, response);
}

}  // namespace onehop::upstream
