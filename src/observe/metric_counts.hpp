// SPDX-License-Identifier: Apache-2.0
//
// MetricCounts: the counters and histograms of a process as plain numbers, so that those of the
// processes before an upgrade can be added to those of the one that serves: a counter then does not
// begin at zero.
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
    double sum = 0;                           // of a counter: its value
    std::vector<double> bounds = {};          // of a histogram, without the infinite one
    std::vector<std::uint64_t> buckets = {};  // cumulative, and one more than bounds; else empty
  };
  // More are left out.
  static constexpr std::size_t kMaxSeries = 10'000;

  // Adds to the series, or makes it. A histogram with other bounds replaces the series: its numbers
  // cannot be added.
  void add(const Series& series, const Value& value);
  void add(const MetricCounts& other);
  // Takes the newer numbers of the same process. Those that are lower stay: a counter does not go
  // back, though a part of the process that has counted may have ended.
  void follow(const MetricCounts& newer);

  const std::map<Series, Value>& all() const noexcept { return all_; }

  // As JSON, and from it. A text of another form is std::nullopt.
  std::string text() const;
  static std::optional<MetricCounts> parse(std::string_view text);

 private:
  std::map<Series, Value> all_;
};

}  // namespace onehop::observe
