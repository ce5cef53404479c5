// SPDX-License-Identifier: Apache-2.0
//
// Random bytes from the system, for ids. Cheap: each thread asks the system once for many of them.
// Thread: any.
#pragma once

#include <span>

namespace onehop::io {

// Fills `out`, of at most 64 bytes. Each byte of the source is given out once. Throws
// std::system_error if there is no random source.
void fill_randomly(std::span<unsigned char> out);

// Fills `out` with lower-case hexadecimal digits: an even number of them, at most 128.
void fill_with_random_digits(std::span<char> out);

}  // namespace onehop::io
