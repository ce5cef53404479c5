// SPDX-License-Identifier: Apache-2.0
//
// Counts values in buckets whose width is at most 1/64 of the value, to compute quantiles without
// storing samples. Call add() while measuring and quantile() afterwards.
// Thread: owner.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace bench {

class Histogram {
 public:
  void add(std::uint64_t value) {
    ++count_;
    ++buckets_[bucket_of(value)];
  }

  // Returns the lower end of the quantile's bucket, or 0 if no value was added.
  double quantile(double fraction) const {
    const auto rank = static_cast<std::uint64_t>(fraction * static_cast<double>(count_));
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < buckets_.size(); ++i) {
      seen += buckets_[i];
      if (seen > rank) return lower_end(i);
    }
    return 0;
  }

 private:
  static constexpr std::size_t kPerOctave = 64;

  // Values below 64 have their own buckets; each octave above has 64.
  static std::size_t bucket_of(std::uint64_t value) {
    const auto width = static_cast<std::size_t>(std::bit_width(value));
    const std::size_t octave = width > 6 ? width - 7 : 0;
    return octave * kPerOctave + static_cast<std::size_t>(value >> octave);
  }

  static double lower_end(std::size_t bucket) {
    if (bucket < kPerOctave) return static_cast<double>(bucket);
    const std::size_t octave = bucket / kPerOctave - 1;
    return static_cast<double>((bucket - octave * kPerOctave) << octave);
  }

  std::vector<std::uint64_t> buckets_ = std::vector<std::uint64_t>(kPerOctave * 60);
  std::uint64_t count_ = 0;
};

}  // namespace bench
