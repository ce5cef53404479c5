// SPDX-License-Identifier: Apache-2.0
#include "acme/sites.hpp"

#include <utility>

namespace onehop::acme {

// Returns whether another pair is to be served.
bool Sites::read_pair(Kept& kept, std::vector<std::string>& problems) {
  const std::string entry = entry_of(kept.site.name);
  std::string stamp = store_.stamp(entry);
  if (stamp == kept.stamp) return false;
  if (stamp.empty()) {  // it was removed: the one in memory serves on
    kept.stamp.clear();
    return false;
  }
  auto pair = store_.load(entry);
  if (!pair) {  // perhaps not for long: the next look tries again
    std::string problem(pair.error().detail());
    if (problem != kept.problem) problems.push_back(problem);
    kept.problem = std::move(problem);
    return false;
  }
  if (!*pair) return false;
  kept.stamp = std::move(stamp);
  kept.problem.clear();
  auto facts = check_pair(**pair, kept.site.name);
  if (!facts) {
    problems.push_back(store_.place() + "/" + entry + ": " + std::string(facts.error().detail()));
    return false;
  }
  if (!kept.site.is_placeholder && facts->sha256 == kept.site.facts.sha256) return false;
  kept.site.pair = std::make_shared<const std::string>(std::move(**pair));
  kept.site.facts = std::move(*facts);
  kept.site.is_placeholder = false;
  kept.is_unsaved = false;
  return true;
}

void Sites::read_state(Kept& kept) {
  const std::string entry = state_entry_of(kept.site.name);
  std::string stamp = store_.stamp(entry);
  if (stamp == kept.state_stamp) return;
  const auto state = store_.load(entry);
  if (!state) return;  // the next look tries again
  kept.state_stamp = std::move(stamp);
  if (*state) kept.site.state = RenewalState::parse(**state);
}

Result<void> Sites::add(const NameSet& names) {
  const std::lock_guard lock(mutex_);
  for (const std::string& name : names) {
    if (all_.contains(name)) continue;
    Kept kept;
    kept.site.name = name;
    std::vector<std::string> problems;  // the next refresh() reports them
    if (!read_pair(kept, problems)) {
      auto pair = make_placeholder(name, now_());
      if (!pair) return failure(pair.error());
      auto facts = facts_of(*pair);
      if (!facts) return failure(facts.error());
      kept.site.pair = std::make_shared<const std::string>(std::move(*pair));
      kept.site.facts = std::move(*facts);
      kept.stamp.clear();
      kept.problem.clear();
    }
    read_state(kept);
    all_.emplace(name, std::move(kept));
  }
  return {};
}

bool Sites::refresh(const NameSet& names, std::vector<std::string>& problems) {
  const std::lock_guard lock(mutex_);
  bool has_changed = false;
  for (const std::string& name : names) {
    const auto found = all_.find(name);
    if (found == all_.end()) continue;
    Kept& kept = found->second;
    if (kept.is_unsaved && store_.save(entry_of(name), *kept.site.pair)) {
      kept.is_unsaved = false;
      kept.stamp = store_.stamp(entry_of(name));
    }
    if (read_pair(kept, problems)) has_changed = true;
    read_state(kept);
  }
  return has_changed;
}

std::vector<Site> Sites::get(const NameSet& names) const {
  const std::lock_guard lock(mutex_);
  std::vector<Site> sites;
  for (const std::string& name : names) {
    if (const auto found = all_.find(name); found != all_.end())
      sites.push_back(found->second.site);
  }
  return sites;
}

Site Sites::get(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  return all_.at(name).site;
}

Result<void> Sites::put(const std::string& name, std::string pair, CertificateFacts facts) {
  const std::lock_guard lock(mutex_);
  Kept& kept = all_.at(name);
  kept.site.pair = std::make_shared<const std::string>(std::move(pair));
  kept.site.facts = std::move(facts);
  kept.site.is_placeholder = false;
  kept.is_unsaved = true;
  if (auto saved = store_.save(entry_of(name), *kept.site.pair); !saved) return saved;
  kept.is_unsaved = false;
  kept.stamp = store_.stamp(entry_of(name));
  return {};
}

Result<void> Sites::put(const std::string& name, const RenewalState& state) {
  const std::lock_guard lock(mutex_);
  Kept& kept = all_.at(name);
  kept.site.state = state;
  if (auto saved = store_.save(state_entry_of(name), state.to_json()); !saved) return saved;
  kept.state_stamp = store_.stamp(state_entry_of(name));
  return {};
}

void Sites::adopt(const std::string& name, const RenewalState& state) {
  const std::lock_guard lock(mutex_);
  all_.at(name).site.state = state;
}

}  // namespace onehop::acme
