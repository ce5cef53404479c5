// SPDX-License-Identifier: Apache-2.0
#include "observe/metric_families.hpp"

#include "base/utf8.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <limits>
#include <map>
#include <sstream>

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

namespace onehop::observe {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricType;

// Replaces bytes that are not UTF-8. A single one, such as in the name of a certificate, would make
// the whole scrape fail.
std::string valid_utf8(std::string_view text) {
  constexpr std::string_view kReplacement = "\xef\xbf\xbd";  // U+FFFD
  std::string valid;
  while (!text.empty()) {
    const std::size_t size = utf8_character_size(text);
    valid += size == 0 ? kReplacement : text.substr(0, size);
    text.remove_prefix(std::max<std::size_t>(size, 1));
  }
  return valid;
}

ClientMetric labelled(MetricFamilies::Labels labels) {
  ClientMetric metric;
  for (const auto& [name, value] : labels)
    metric.label.push_back({name, valid_utf8(value)});
  return metric;
}

double seconds(std::chrono::duration<double> duration) {
  return duration.count();
}

// `count` is the number of values in this bucket alone.
void add_bucket(ClientMetric::Histogram& histogram, double bound, std::uint64_t count) {
  histogram.sample_count += count;
  histogram.bucket.push_back({histogram.sample_count, bound});
}

constexpr double kNoBound = std::numeric_limits<double>::infinity();

MetricCounts::Series series_of(const std::string& name, const ClientMetric& metric) {
  MetricCounts::Series series{.name = name, .labels = {}};
  for (const ClientMetric::Label& label : metric.label)
    series.labels.emplace_back(label.name, label.value);
  return series;
}

MetricCounts::Value value_of(const ClientMetric& metric, bool is_histogram) {
  if (!is_histogram) return {.sum = metric.counter.value, .bounds = {}, .buckets = {}};
  MetricCounts::Value value{.sum = metric.histogram.sample_sum, .bounds = {}, .buckets = {}};
  for (const ClientMetric::Bucket& bucket : metric.histogram.bucket) {
    if (bucket.upper_bound != kNoBound) value.bounds.push_back(bucket.upper_bound);
    value.buckets.push_back(bucket.cumulative_count);
  }
  return value;
}

ClientMetric metric_of(const MetricCounts::Series& series, const MetricCounts::Value& value) {
  ClientMetric metric;
  for (const auto& [name, text] : series.labels)
    metric.label.push_back({name, text});
  metric.counter.value = metric.histogram.sample_sum = value.sum;
  if (value.buckets.empty()) return metric;
  metric.histogram.sample_count = value.buckets.back();
  for (std::size_t i = 0; i < value.buckets.size(); ++i) {
    const double bound = i < value.bounds.size() ? value.bounds[i] : kNoBound;
    metric.histogram.bucket.push_back({value.buckets[i], bound});
  }
  return metric;
}

// Adds a value, unless it is a histogram with other bounds.
void add_to(ClientMetric& metric, const MetricCounts::Value& value) {
  metric.counter.value += value.sum;
  if (value.buckets.empty()) return;
  if (value_of(metric, true).bounds != value.bounds) return;
  metric.histogram.sample_sum += value.sum;
  metric.histogram.sample_count += value.buckets.back();
  for (std::size_t i = 0; i < value.buckets.size(); ++i)
    metric.histogram.bucket[i].cumulative_count += value.buckets[i];
}

}  // namespace

MetricFamilies::Family& MetricFamilies::Family::add(double value, Labels labels) {
  ClientMetric metric = labelled(labels);
  // text() writes only the one that fits the type of the family.
  metric.counter.value = metric.gauge.value = value;
  family_->metric.push_back(std::move(metric));
  return *this;
}

MetricFamilies::Family& MetricFamilies::Family::add(const HistogramTotals& totals,
                                                    const Buckets& buckets,
                                                    Labels labels) {
  ClientMetric metric = labelled(labels);
  for (std::size_t i = 0; i < buckets.size(); ++i)
    add_bucket(metric.histogram, seconds(buckets.bound(i)), totals.counts[i]);
  add_bucket(metric.histogram, kNoBound, totals.counts[buckets.size()]);
  metric.histogram.sample_sum =
      seconds(std::chrono::duration<std::uint64_t, std::micro>(totals.microseconds));
  family_->metric.push_back(std::move(metric));
  return *this;
}

MetricFamilies::Family& MetricFamilies::Family::add(const DurationHistogram& histogram,
                                                    Labels labels) {
  ClientMetric metric = labelled(labels);
  for (std::size_t i = 0; i < DurationHistogram::kBounds.size(); ++i)
    add_bucket(metric.histogram, DurationHistogram::kBounds[i], histogram.counts[i]);
  add_bucket(metric.histogram, kNoBound, histogram.counts.back());
  metric.histogram.sample_sum = seconds(histogram.sum);
  family_->metric.push_back(std::move(metric));
  return *this;
}

MetricFamilies::MetricFamilies() = default;
MetricFamilies::MetricFamilies(MetricFamilies&&) noexcept = default;
MetricFamilies::~MetricFamilies() = default;

prometheus::MetricFamily& MetricFamilies::begin(std::string_view name, std::string_view help) {
  auto& made = *families_.emplace_back(std::make_unique<prometheus::MetricFamily>());
  made.name = name;
  made.help = help;
  return made;
}

MetricFamilies::Family MetricFamilies::counter(std::string_view name, std::string_view help) {
  prometheus::MetricFamily& family = begin(name, help);
  family.type = MetricType::Counter;
  return Family(family);
}

MetricFamilies::Family MetricFamilies::gauge(std::string_view name, std::string_view help) {
  prometheus::MetricFamily& family = begin(name, help);
  family.type = MetricType::Gauge;
  return Family(family);
}

MetricFamilies::Family MetricFamilies::histogram(std::string_view name, std::string_view help) {
  prometheus::MetricFamily& family = begin(name, help);
  family.type = MetricType::Histogram;
  return Family(family);
}

MetricCounts MetricFamilies::counts() const {
  MetricCounts counts;
  for (const auto& family : families_) {
    if (family->name.starts_with("process_")) continue;
    const bool is_histogram = family->type == MetricType::Histogram;
    if (!is_histogram && family->type != MetricType::Counter) continue;
    for (const ClientMetric& metric : family->metric)
      counts.add(series_of(family->name, metric), value_of(metric, is_histogram));
  }
  return counts;
}

void MetricFamilies::add(const MetricCounts& counts) {
  std::map<std::string_view, prometheus::MetricFamily*> families;
  for (const auto& family : families_)
    families.emplace(family->name, family.get());
  for (const auto& [series, value] : counts.all()) {
    const auto type = value.buckets.empty() ? MetricType::Counter : MetricType::Histogram;
    const auto family = families.find(series.name);
    if (family == families.end() || family->second->type != type) continue;
    std::vector<ClientMetric>& metrics = family->second->metric;
    const auto found = std::ranges::find_if(metrics, [&](const ClientMetric& metric) {
      return series_of(series.name, metric) == series;
    });
    if (found == metrics.end()) {
      metrics.push_back(metric_of(series, value));
    } else {
      add_to(*found, value);
    }
  }
}

std::string MetricFamilies::text() const {
  std::vector<prometheus::MetricFamily> filled;
  for (const auto& family : families_) {
    if (!family->metric.empty()) filled.push_back(*family);
  }
  std::ostringstream out;
  prometheus::TextSerializer().Serialize(out, filled);
  return std::move(out).str();
}

}  // namespace onehop::observe
