// SPDX-License-Identifier: Apache-2.0
#include "acme/sites.hpp"

#include <utility>

namespace onehop::acme {

void Sites::Found::move_to(Site& site) && {
  site.pair = std::move(pair);
  site.facts = std::move(facts);
  site.is_placeholder = false;
}

// Returns the pair to serve in place of that of `kept`, if it is a different one.
std::optional<Sites::Found> Sites::read_pair(Kept& kept, std::vector<std::string>& problems) {
  const std::string entry = entry_of(kept.site.name);
  std::string stamp = store_.stamp(entry);
  if (stamp == kept.stamp) return std::nullopt;
  if (stamp.empty()) {  // removed; the pair in memory continues to be served
    kept.stamp.clear();
    return std::nullopt;
  }
  auto pair = store_.load(entry);
  if (!pair) {  // perhaps only temporary; the next look tries again
    std::string problem(pair.error().detail());
    if (problem != kept.problem) problems.push_back(problem);
    kept.problem = std::move(problem);
    return std::nullopt;
  }
  if (!*pair) return std::nullopt;
  kept.stamp = std::move(stamp);
  kept.problem.clear();
  auto facts = check_pair(**pair, kept.site.name);
  if (!facts) {
    problems.push_back(store_.place() + "/" + entry + ": " + std::string(facts.error().detail()));
    return std::nullopt;
  }
  if (!kept.site.is_placeholder && facts->sha256 == kept.site.facts.sha256) return std::nullopt;
  return Found{.pair = std::make_shared<const std::string>(std::move(**pair)),
               .facts = std::move(*facts)};
}

std::optional<RenewalState> Sites::read_state(Kept& kept) {
  const std::string entry = state_entry_of(kept.site.name);
  std::string stamp = store_.stamp(entry);
  if (stamp == kept.state_stamp) return std::nullopt;
  const auto state = store_.load(entry);
  if (!state) return std::nullopt;  // the next look tries again
  kept.state_stamp = std::move(stamp);
  if (!*state) return std::nullopt;
  return RenewalState::parse(**state);
}

Sites::Kept* Sites::find(std::string_view name) {
  const std::lock_guard lock(mutex_);
  const auto found = all_.find(name);
  return found == all_.end() ? nullptr : &found->second;
}

Result<void> Sites::add(const NameSet& names) {
  for (const std::string& name : names) {
    if (find(name) != nullptr) continue;
    Kept kept;
    kept.site.name = name;
    std::vector<std::string> problems;  // the next refresh() reports them
    if (auto found = read_pair(kept, problems)) {
      std::move(*found).move_to(kept.site);
    } else {
      auto pair = make_placeholder(name, now_());
      if (!pair) return failure(pair.error());
      auto facts = facts_of(*pair);
      if (!facts) return failure(facts.error());
      kept.site.pair = std::make_shared<const std::string>(std::move(*pair));
      kept.site.facts = std::move(*facts);
      kept.stamp.clear();
      kept.problem.clear();
    }
    if (auto state = read_state(kept)) kept.site.state = std::move(*state);
    const std::lock_guard lock(mutex_);
    all_.emplace(name, std::move(kept));
  }
  return {};
}

bool Sites::refresh(const NameSet& names, std::vector<std::string>& problems) {
  bool has_changed = false;
  for (const std::string& name : names) {
    Kept* const kept = find(name);
    if (kept == nullptr) continue;
    if (kept->is_unsaved && store_.save(entry_of(name), *kept->site.pair)) {
      kept->is_unsaved = false;
      kept->stamp = store_.stamp(entry_of(name));
    }
    auto found = read_pair(*kept, problems);
    auto state = read_state(*kept);
    if (found) {
      kept->is_unsaved = false;
      has_changed = true;
    }
    const std::lock_guard lock(mutex_);
    if (found) std::move(*found).move_to(kept->site);
    if (state) kept->site.state = std::move(*state);
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
  Kept& kept = *find(name);
  Found found{.pair = std::make_shared<const std::string>(std::move(pair)),
              .facts = std::move(facts)};
  {
    const std::lock_guard lock(mutex_);
    std::move(found).move_to(kept.site);
  }
  kept.is_unsaved = true;
  if (auto saved = store_.save(entry_of(name), *kept.site.pair); !saved) return saved;
  kept.is_unsaved = false;
  kept.stamp = store_.stamp(entry_of(name));
  return {};
}

Result<void> Sites::put(const std::string& name, const RenewalState& state) {
  adopt(name, state);
  if (auto saved = store_.save(state_entry_of(name), state.to_json()); !saved) return saved;
  find(name)->state_stamp = store_.stamp(state_entry_of(name));
  return {};
}

void Sites::adopt(const std::string& name, const RenewalState& state) {
  const std::lock_guard lock(mutex_);
  all_.at(name).site.state = state;
}

}  // namespace onehop::acme
