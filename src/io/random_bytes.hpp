// SPDX-License-Identifier: Apache-2.0
//
// Random bytes from the system, for ids. They are cheap, because each thread asks the system for
// many at once.
// Thread: any.
#pragma once

#include <span>

namespace onehop::io {

// Fills `out`, of at most 64 bytes. Each random byte is used only once. Throws std::system_error if
// there is no random source.
void fill_randomly(std::span<unsigned char> out);

// Fills `out` with lower-case hexadecimal digits: an even number of them, at most 128.
void fill_with_random_digits(std::span<char> out);

}  // namespace onehop::io
