// SPDX-License-Identifier: Apache-2.0
//
// MetricFamilies collects the metrics of one scrape and writes them in the text format of
// Prometheus, version 0.0.4. The library prometheus-cpp writes the text.
// Thread: owner.
#pragma once

#include <onehop/metrics.hpp>

#include "observe/histogram.hpp"
#include "observe/metric_counts.hpp"

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace prometheus {
struct MetricFamily;
}

namespace onehop::observe {

class MetricFamilies {
 public:
  static constexpr std::string_view kContentType = "text/plain; version=0.0.4; charset=utf-8";

  using Labels = std::initializer_list<std::pair<const char*, std::string_view>>;

  // A metric of one name, to which values with different labels are added. Valid as long as the
  // MetricFamilies exists.
  class Family {
   public:
    Family& add(double value, Labels labels = {});
    Family& add(std::uint64_t value, Labels labels = {}) {
      return add(static_cast<double>(value), labels);
    }
    Family& add(const HistogramTotals& totals, const Buckets& buckets, Labels labels = {});
    Family& add(const DurationHistogram& histogram, Labels labels = {});

   private:
    friend class MetricFamilies;
    explicit Family(prometheus::MetricFamily& family) noexcept : family_(&family) {}

    prometheus::MetricFamily* family_;
  };

  MetricFamilies();
  MetricFamilies(MetricFamilies&&) noexcept;
  ~MetricFamilies();

  // Begin a metric. `name` is the complete name: "onehop_requests_total". `help` is one sentence.
  Family counter(std::string_view name, std::string_view help);
  Family gauge(std::string_view name, std::string_view help);
  Family histogram(std::string_view name, std::string_view help);

  // Returns the counters and histograms, except those of the process itself (`process_...`).
  MetricCounts counts() const;
  // Adds the counts of other processes. Creates missing series, but no families.
  void add(const MetricCounts& counts);

  // Returns the text, without families that have no values.
  std::string text() const;

 private:
  prometheus::MetricFamily& begin(std::string_view name, std::string_view help);

  std::vector<std::unique_ptr<prometheus::MetricFamily>> families_;
};

}  // namespace onehop::observe
