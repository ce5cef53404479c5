// SPDX-License-Identifier: Apache-2.0
//
// MetricCounts holds the counters and histograms of a process as plain numbers. The process that
// serves adds the numbers of the processes before an upgrade to its own, so that its counters do
// not start at zero.
// Thread: owner.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace onehop::observe {

class MetricCounts {
 public:
  using Labels = std::vector<std::pair<std::string, std::string>>;
  struct Series {
    std::string name = {};  // "onehop_requests_total"
    Labels labels = {};
    friend auto operator<=>(const Series&, const Series&) = default;
  };
  struct Value {
    double sum = 0;                           // of all values; for a counter, its value
    std::vector<double> bounds = {};          // of a histogram, without +Inf
    std::vector<std::uint64_t> buckets = {};  // of a histogram: cumulative, one more than bounds
  };
  // Further series are dropped.
  static constexpr std::size_t kMaxSeries = 10'000;

  // Adds to the series, or creates it. A histogram with other bounds replaces the series, since
  // their numbers cannot be added.
  void add(const Series& series, const Value& value);
  void add(const MetricCounts& other);
  // Replaces the numbers by newer ones of the same process. A series whose newer number is lower
  // keeps the older one: a counter must not fall if a part of the process that has counted has
  // ended.
  void follow(const MetricCounts& newer);

  const std::map<Series, Value>& all() const noexcept { return all_; }

  // Convert to JSON and back. parse() returns std::nullopt for a text of another form.
  std::string text() const;
  static std::optional<MetricCounts> parse(std::string_view text);

 private:
  std::map<Series, Value> all_;
};

}  // namespace onehop::observe
