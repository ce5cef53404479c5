// SPDX-License-Identifier: Apache-2.0
#include "acme/challenges.hpp"

#include "acme/messages.hpp"
#include "base/ascii.hpp"

#include <algorithm>
#include <utility>

namespace onehop::acme {
namespace {

std::string lowered(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), ascii::to_lower);
  return lower;
}

}  // namespace

void Challenges::set_names(std::set<std::string, std::less<>> names) {
  const std::lock_guard lock(mutex_);
  names_ = std::move(names);
}

void Challenges::set_thumbprint(std::string thumbprint) {
  const std::lock_guard lock(mutex_);
  thumbprint_ = std::move(thumbprint);
}

void Challenges::open(WallTime until) {
  const std::lock_guard lock(mutex_);
  open_until_ = until;
}

void Challenges::set_pairs(std::map<std::string, std::string, std::less<>> pairs) {
  const std::lock_guard lock(mutex_);
  pairs_ = std::move(pairs);
}

std::string Challenges::response_to(std::string_view host, std::string_view token) const {
  if (!is_token(token)) return {};
  const std::string name = lowered(host.substr(0, host.find(':')));
  const std::lock_guard lock(mutex_);
  if (!is_open() || thumbprint_.empty() || !names_.contains(name)) return {};
  return std::string(token) + "." + thumbprint_;
}

std::string Challenges::pair_for(std::string_view name) const {
  const std::string lower = lowered(name);
  const std::lock_guard lock(mutex_);
  const auto found = pairs_.find(lower);
  return is_open() && names_.contains(lower) && found != pairs_.end() ? found->second
                                                                      : std::string();
}

}  // namespace onehop::acme
