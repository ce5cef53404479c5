// SPDX-License-Identifier: Apache-2.0
#include "config/table_contradictions.hpp"

#include "config/contradictions.hpp"
#include "config/setting_names.hpp"
#include "config/tables.hpp"

#include <algorithm>
#include <map>
#include <string_view>
#include <utility>

namespace onehop::config {
namespace {

bool has(const GivenTable* table, std::string_view setting) {
  return table != nullptr && !setting.empty() && given_in(*table, setting) != nullptr;
}

class Finder {
 public:
  explicit Finder(const GivenSettings& at_top) : at_top_(at_top) {}

  // Checks a place that requests go to.
  void look_at(const BackendPlace& place) {
    const auto was_given = [&](std::string_view name) {
      return has(place.table, name) || has(place.upstream, name) || is_at_top(name);
    };
    std::map<std::string_view, Contradiction> inherited;
    for (Contradiction& one : find_contradictions_of_backend(*place.configuration, was_given))
      take(place, std::move(one), inherited);
    for (const auto& [setting, given] : at_top_) {
      const std::string_view name = setting->name;
      if (has(place.table, name) || has(place.upstream, name)) continue;
      const auto found = inherited.find(name);
      Uses& uses = uses_[name];
      if (found == inherited.end()) {
        uses.has_good_one = true;
      } else if (uses.why.empty()) {
        uses.why = std::move(found->second.why);
      }
    }
  }

  // Checks the top if no request goes to its backend. Its settings then apply only in tables.
  void look_at_unused(const BackendPlace& top) {
    const auto was_given = [this](std::string_view name) { return is_at_top(name); };
    for (Contradiction& one : find_contradictions_of_backend(*top.configuration, was_given)) {
      begin_with_the_top(one);
      if (!uses_.contains(one.setting)) add_at_top(std::move(one));
    }
  }

  BackendContradictions take_all() {
    for (auto& [name, uses] : uses_) {
      if (!uses.has_good_one && !uses.why.empty())
        add_at_top({.setting = name, .why = std::move(uses.why)});
    }
    return std::move(all_);
  }

 private:
  // The effect of a setting at the top in the places that inherit it.
  struct Uses {
    bool has_good_one = false;
    std::string why = {};  // why it has no effect in another place
  };

  bool is_at_top(std::string_view name) const { return at_top_.contains(find_setting(name)); }

  // Files a contradiction under the most specific place. One in a setting of an upstream is
  // reported there, not for each of its routes.
  void take(const BackendPlace& place,
            Contradiction one,
            std::map<std::string_view, Contradiction>& inherited) {
    if (has(place.table, one.setting) || has(place.table, one.other)) {
      if (!has(place.table, one.setting)) std::swap(one.setting, one.other);
      all_.in_tables.push_back({place.table, std::move(one)});
    } else if (has(place.upstream, one.setting) || has(place.upstream, one.other)) {
      return;
    } else if (one.other.empty()) {
      inherited.emplace(one.setting, std::move(one));
    } else {
      begin_with_the_top(one);
      add_at_top(std::move(one));
    }
  }

  // Swaps the pair if needed, so that the setting given at the top is the one reported.
  void begin_with_the_top(Contradiction& one) const {
    if (!one.other.empty() && !is_at_top(one.setting)) std::swap(one.setting, one.other);
  }

  void add_at_top(Contradiction one) {
    const auto is_same = [&one](const Contradiction& other) {
      return other.setting == one.setting && other.why == one.why;
    };
    if (std::ranges::none_of(all_.at_top, is_same)) all_.at_top.push_back(std::move(one));
  }

  const GivenSettings& at_top_;
  BackendContradictions all_;
  std::map<std::string_view, Uses> uses_;
};

}  // namespace

BackendContradictions find_backend_contradictions(std::span<const BackendPlace> places,
                                                  const GivenSettings& at_top) {
  Finder finder(at_top);
  const BackendPlace& top = places.front();
  const bool is_used = top.configuration->backend.is_absolute();
  for (const BackendPlace& place : places.subspan(is_used ? 0 : 1))
    finder.look_at(place);
  if (!is_used) finder.look_at_unused(top);
  return finder.take_all();
}

}  // namespace onehop::config
