// SPDX-License-Identifier: Apache-2.0
#include "observe/recent_window.hpp"

#include <cmath>
#include <cstdint>

namespace onehop::observe {
namespace {

HistogramTotals growth(const HistogramTotals& before, const HistogramTotals& now) {
  if (now.count() < before.count()) return now;  // the counters have started again
  HistogramTotals grown;
  for (std::size_t i = 0; i < grown.counts.size(); ++i)
    grown.counts[i] = now.counts[i] - before.counts[i];
  grown.microseconds = now.microseconds - before.microseconds;
  return grown;
}

}  // namespace

RecentWindow::Histograms RecentWindow::advance(Time now, const Histograms& totals) {
  // Keeps the newest memory that is at least kSpan old at the front.
  while (memories_.size() > 1 && memories_[1].time <= now - kSpan)
    memories_.pop_front();
  if (!memories_.empty() && memories_.front().time < now - kSpan - kStep) memories_.clear();
  Histograms recent;
  for (const auto& [name, one] : totals) {
    HistogramTotals& grown = recent[name];
    if (memories_.empty()) continue;
    const auto& before = memories_.front().totals;
    const auto known = before.find(name);
    grown = known == before.end() ? one : growth(known->second, one);
  }
  if (memories_.empty() || memories_.back().time <= now - kStep) memories_.push_back({now, totals});
  return recent;
}

std::optional<BucketDuration> quantile(const HistogramTotals& totals,
                                       const Buckets& buckets,
                                       double rank) {
  const std::uint64_t count = totals.count();
  if (count == 0 || buckets.size() == 0) return std::nullopt;
  const double wanted = rank * static_cast<double>(count);
  double below = 0;
  for (std::size_t i = 0; i < buckets.size(); ++i) {
    const auto here = static_cast<double>(totals.counts[i]);
    if (here > 0 && below + here >= wanted) {
      const BucketDuration from = i == 0 ? BucketDuration::zero() : buckets.bound(i - 1);
      const double share = (wanted - below) / here;
      const double width = static_cast<double>((buckets.bound(i) - from).count());
      return from + BucketDuration(std::llround(width * share));
    }
    below += here;
  }
  return buckets.bound(buckets.size() - 1);
}

}  // namespace onehop::observe
