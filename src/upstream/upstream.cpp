// SPDX-License-Identifier: Apache-2.0
#include <onehop/upstream.hpp>

#include <onehop/detail/clock.hpp>

#include "proxy/single_host.hpp"
#include "transport/deadline.hpp"
#include "transport/transport_access.hpp"
#include "upstream/choice.hpp"
#include "upstream/discovery.hpp"
#include "upstream/group.hpp"
#include "upstream/health_checks.hpp"
#include "upstream/upstream_access.hpp"

#include <optional>
#include <stdexcept>
#include <utility>

namespace onehop {
namespace {

Url parsed(std::string_view text) {
  auto url = Url::parse(text);
  if (!url) {
    throw std::invalid_argument("endpoint '" + std::string(text) +
                                "': " + std::string(url.error().detail()));
  }
  return std::move(*url);
}

}  // namespace

Upstream::Endpoint::Endpoint(const char* u) : url(parsed(u)) {}
Upstream::Endpoint::Endpoint(const std::string& u) : url(parsed(u)) {}

struct Upstream::Shared {
  // `before` is null if this upstream replaces no other.
  explicit Shared(Options options, const upstream::Group* before = nullptr)
      : group(std::make_shared<upstream::Group>(std::move(options), before, detail::now())) {
    const Options& used = group->options();
    if (used.health.kind != HealthCheck::Kind::none) checks.emplace(group);
    if (used.resolve == Resolve::each || !used.services.empty()) discovery.emplace(group, used);
  }

  const std::shared_ptr<upstream::Group> group;
  std::optional<upstream::HealthChecks> checks;
  std::optional<upstream::Discovery> discovery;
};

Upstream::Upstream(Options options) : shared_(std::make_shared<Shared>(std::move(options))) {}
Upstream::Upstream(Options options, const Upstream& before)
    : shared_(std::make_shared<Shared>(std::move(options), before.shared_->group.get())) {}
Upstream::~Upstream() = default;

task<Result<Response>> Upstream::round_trip(Request request) const {
  if (request.deadline()) return transport::round_trip_until(*this, std::move(request));
  const std::shared_ptr<upstream::Group>& group = shared_->group;
  return transport::round_trip(detail::TransportAccess::pools(*group->options().transport),
                               std::move(request), std::make_unique<upstream::Choice>(group));
}

void Upstream::update(std::vector<Endpoint> endpoints) {
  shared_->group->update(std::move(endpoints), detail::now(), upstream::Arrival::later);
}

void detail::UpstreamAccess::retire(Upstream& upstream) noexcept {
  end_checks(upstream);
  upstream.shared_->group->retire();
}

void detail::UpstreamAccess::end_checks(Upstream& upstream) noexcept {
  upstream.shared_->checks.reset();
  upstream.shared_->discovery.reset();
}

std::vector<Upstream::Status> Upstream::endpoints() const {
  return shared_->group->statuses(detail::now());
}

std::string_view to_string(Upstream::State state) noexcept {
  switch (state) {
    case Upstream::State::up:
      return "up";
    case Upstream::State::starting:
      return "starting";
    case Upstream::State::ejected:
      return "ejected";
    case Upstream::State::down:
      return "down";
    case Upstream::State::draining:
      return "draining";
  }
  return "";
}

RewriteHook to_upstream() {
  return RewriteBelow(parsed("http://upstream"));
}

ReverseProxy upstream_reverse_proxy(std::shared_ptr<const Upstream> upstream) {
  if (!upstream) throw std::invalid_argument("upstream_reverse_proxy: the upstream is missing");
  return ReverseProxy({.rewrite = to_upstream(), .transport = std::move(upstream)});
}

}  // namespace onehop
