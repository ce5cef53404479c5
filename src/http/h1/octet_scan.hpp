// SPDX-License-Identifier: Apache-2.0
//
// The inner loops of the head parser: how far a run of allowed octets reaches. 16 octets at a time
// with SSE2, one at a time elsewhere and for the rest. Measured by bench/micro/parser_bench.cpp.
// Thread: any; pure functions. `begin` to `end` is readable, nothing past it is touched.
#pragma once

#include "base/ascii.hpp"

#include <bit>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace onehop::h1 {

#if defined(__SSE2__)

namespace detail {

inline __m128i load(const char* p) noexcept {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
}

// Octets of `v` from `low` to `high`, as a mask of bytes; both below 0x7f.
inline __m128i in_range(__m128i v, char low, char high) noexcept {
  return _mm_and_si128(_mm_cmpgt_epi8(v, _mm_set1_epi8(static_cast<char>(low - 1))),
                       _mm_cmplt_epi8(v, _mm_set1_epi8(static_cast<char>(high + 1))));
}

inline unsigned bits(__m128i v) noexcept {
  return static_cast<unsigned>(_mm_movemask_epi8(v));
}

}  // namespace detail

#endif

// The first octet that may not be in a field value: a control other than HTAB.
inline const char* skip_value(const char* p, const char* end) noexcept {
#if defined(__SSE2__)
  for (; end - p >= 16; p += 16) {
    const __m128i v = detail::load(p);
    const __m128i low = _mm_cmpeq_epi8(_mm_min_epu8(v, _mm_set1_epi8(0x1f)), v);
    const __m128i tab = _mm_cmpeq_epi8(v, _mm_set1_epi8('\t'));
    const __m128i del = _mm_cmpeq_epi8(v, _mm_set1_epi8(0x7f));
    const unsigned stop = detail::bits(_mm_or_si128(_mm_andnot_si128(tab, low), del));
    if (stop != 0) return p + std::countr_zero(stop);
  }
#endif
  while (p != end && ascii::is_value_octet(*p))
    ++p;
  return p;
}

// The first octet that may not be in a request target: a control, a blank, or not ASCII.
inline const char* skip_target(const char* p, const char* end) noexcept {
#if defined(__SSE2__)
  for (; end - p >= 16; p += 16) {
    const unsigned good = detail::bits(detail::in_range(detail::load(p), 0x21, 0x7e));
    if (good != 0xffff) return p + std::countr_one(good);
  }
#endif
  while (p != end && ascii::is_target_octet(*p))
    ++p;
  return p;
}

// The first octet that may not be in a token.
inline const char* skip_token(const char* p, const char* end) noexcept {
#if defined(__SSE2__)
  // Letters, digits and '-' make up nearly all names; what else a token may have is left to the
  // table.
  while (end - p >= 16) {
    const __m128i v = detail::load(p);
    const __m128i letter = detail::in_range(_mm_or_si128(v, _mm_set1_epi8(0x20)), 'a', 'z');
    const __m128i digit = detail::in_range(v, '0', '9');
    const __m128i dash = _mm_cmpeq_epi8(v, _mm_set1_epi8('-'));
    const unsigned good = detail::bits(_mm_or_si128(_mm_or_si128(letter, digit), dash));
    p += std::countr_one(good);
    if (good == 0xffff) continue;
    if (!ascii::is_token_octet(*p)) return p;
    ++p;
  }
#endif
  while (p != end && ascii::is_token_octet(*p))
    ++p;
  return p;
}

}  // namespace onehop::h1
