// SPDX-License-Identifier: Apache-2.0
//
// Finds the known word nearest to a mistyped one, by edit distance with swaps of adjacent letters.
// Thread: any.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

namespace onehop::config {

// The number of letters to insert, remove, replace or swap with a neighbour to turn one word into
// the other.
std::size_t edit_distance(std::string_view from, std::string_view to);

// Returns std::nullopt if no candidate is close enough.
std::optional<std::string_view> nearest(std::string_view word,
                                        std::span<const std::string_view> candidates);

}  // namespace onehop::config
