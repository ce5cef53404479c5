// SPDX-License-Identifier: Apache-2.0
#include "config/suggestion.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace onehop::config {

std::size_t edit_distance(std::string_view from, std::string_view to) {
  // The algorithm needs three rows of its table: the current one and the two above it.
  std::vector<std::size_t> oldest(to.size() + 1), above(to.size() + 1), current(to.size() + 1);
  for (std::size_t j = 0; j <= to.size(); ++j)
    current[j] = j;
  for (std::size_t i = 1; i <= from.size(); ++i) {
    std::swap(oldest, above);
    std::swap(above, current);
    current[0] = i;
    for (std::size_t j = 1; j <= to.size(); ++j) {
      const std::size_t replaced = above[j - 1] + (from[i - 1] == to[j - 1] ? 0 : 1);
      current[j] = std::min({above[j] + 1, current[j - 1] + 1, replaced});
      if (i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1]) {
        current[j] = std::min(current[j], oldest[j - 2] + 1);
      }
    }
  }
  return current[to.size()];
}

std::optional<std::string_view> nearest(std::string_view word,
                                        std::span<const std::string_view> candidates) {
  std::optional<std::string_view> best;
  // At most a third of the letters, or one, may be wrong: "lsten" finds "listen", "foo" finds
  // nothing.
  std::size_t best_distance = std::max<std::size_t>(word.size() / 3, 1) + 1;
  for (const std::string_view candidate : candidates) {
    const std::size_t distance = edit_distance(word, candidate);
    if (distance < best_distance) {
      best = candidate;
      best_distance = distance;
    }
  }
  return best;
}

}  // namespace onehop::config
