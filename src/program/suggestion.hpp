// SPDX-License-Identifier: Apache-2.0
//
// The known word nearest to a mistyped one, by edit distance with swaps of neighbours.
// Pure functions; any thread.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

namespace onehop::program {

// Letters to insert, remove, replace or swap with their neighbour to turn one word into the other.
std::size_t edit_distance(std::string_view from, std::string_view to);

// Nothing when no candidate is near enough to be what was meant.
std::optional<std::string_view> nearest(std::string_view word,
                                        std::span<const std::string_view> candidates);

}  // namespace onehop::program
