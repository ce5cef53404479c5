// SPDX-License-Identifier: Apache-2.0
#include "observe/metric_counts.hpp"

#include <nlohmann/json.hpp>

namespace onehop::observe {
namespace {

using Json = nlohmann::json;

Json json_of(const MetricCounts::Series& series, const MetricCounts::Value& value) {
  Json labels = Json::array();
  for (const auto& [name, text] : series.labels)
    labels.push_back({name, text});
  Json one = {{"name", series.name}, {"labels", std::move(labels)}, {"sum", value.sum}};
  if (!value.buckets.empty()) {
    one["bounds"] = value.bounds;
    one["buckets"] = value.buckets;
  }
  return one;
}

double total_of(const MetricCounts::Value& value) {
  return value.buckets.empty() ? value.sum : static_cast<double>(value.buckets.back());
}

}  // namespace

void MetricCounts::add(const Series& series, const Value& value) {
  const auto found = all_.find(series);
  if (found == all_.end()) {
    if (all_.size() < kMaxSeries) all_.emplace(series, value);
    return;
  }
  Value& sum = found->second;
  if (sum.bounds != value.bounds || sum.buckets.size() != value.buckets.size()) {
    sum = value;
    return;
  }
  sum.sum += value.sum;
  for (std::size_t i = 0; i < value.buckets.size(); ++i)
    sum.buckets[i] += value.buckets[i];
}

void MetricCounts::add(const MetricCounts& other) {
  for (const auto& [series, value] : other.all_)
    add(series, value);
}

void MetricCounts::follow(const MetricCounts& newer) {
  for (const auto& [series, value] : newer.all_) {
    const auto found = all_.find(series);
    if (found == all_.end()) {
      add(series, value);
    } else if (total_of(value) >= total_of(found->second)) {
      found->second = value;
    }
  }
}

std::string MetricCounts::text() const {
  Json all = Json::array();
  for (const auto& [series, value] : all_)
    all.push_back(json_of(series, value));
  return all.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// The text may come from another release, so the library checks the types. It throws if they are
// wrong.
std::optional<MetricCounts> MetricCounts::parse(std::string_view text) {
  const Json all = Json::parse(text, nullptr, false);
  if (!all.is_array()) return std::nullopt;
  MetricCounts counts;
  try {
    for (const Json& one : all) {
      Series series{.name = one.at("name").get<std::string>()};
      for (const Json& label : one.at("labels"))
        series.labels.emplace_back(label.at(0).get<std::string>(), label.at(1).get<std::string>());
      Value value{.sum = one.at("sum").get<double>()};
      if (one.contains("buckets")) {
        value.bounds = one.at("bounds").get<std::vector<double>>();
        value.buckets = one.at("buckets").get<std::vector<std::uint64_t>>();
        if (value.buckets.size() != value.bounds.size() + 1) return std::nullopt;
      }
      counts.add(series, value);
    }
  } catch (const Json::exception&) {
    return std::nullopt;
  }
  return counts;
}

}  // namespace onehop::observe
