// SPDX-License-Identifier: Apache-2.0
//
// The inner loops of the head parsers: they find the end of a run of allowed bytes, or check a
// whole text. With SSE2 they examine 16 bytes at a time, else one. They read only [p, end).
// bench/micro/parser_bench.cpp measures them.
// Thread: any.
#pragma once

#include "base/ascii.hpp"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace onehop::h1 {

#if defined(__SSE2__)

namespace detail {

inline __m128i load(const char* p) noexcept {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
}

// A mask of the bytes of `v` between `low` and `high`, both below 0x7f.
inline __m128i in_range(__m128i v, char low, char high) noexcept {
  return _mm_and_si128(_mm_cmpgt_epi8(v, _mm_set1_epi8(static_cast<char>(low - 1))),
                       _mm_cmplt_epi8(v, _mm_set1_epi8(static_cast<char>(high + 1))));
}

inline unsigned bits(__m128i v) noexcept {
  return static_cast<unsigned>(_mm_movemask_epi8(v));
}

// Loads a text of 4 to 16 bytes; some bytes are loaded twice to fill the register.
inline __m128i load_short(std::string_view text) noexcept {
  const char* const begin = text.data();
  const char* const end = begin + text.size();
  if (text.size() >= 8) {
    const auto first = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(begin));
    const auto last = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(end - 8));
    return _mm_unpacklo_epi64(first, last);
  }
  std::int32_t first = 0;
  std::int32_t last = 0;
  std::memcpy(&first, begin, sizeof first);
  std::memcpy(&last, end - 4, sizeof last);
  return _mm_set_epi32(last, last, first, first);
}

// A mask of the bytes that are not allowed in a field value.
inline unsigned bad_in_value(__m128i v) noexcept {
  const __m128i low = _mm_cmpeq_epi8(_mm_min_epu8(v, _mm_set1_epi8(0x1f)), v);
  const __m128i tab = _mm_cmpeq_epi8(v, _mm_set1_epi8('\t'));
  const __m128i del = _mm_cmpeq_epi8(v, _mm_set1_epi8(0x7f));
  return bits(_mm_or_si128(_mm_andnot_si128(tab, low), del));
}

// A mask of lower-case letters, digits and '-', which make up nearly all HTTP/2 names.
inline unsigned good_in_lower_name(__m128i v) noexcept {
  const __m128i dash = _mm_cmpeq_epi8(v, _mm_set1_epi8('-'));
  return bits(_mm_or_si128(_mm_or_si128(in_range(v, 'a', 'z'), in_range(v, '0', '9')), dash));
}

}  // namespace detail

#endif

// Returns the position of the first byte that is not allowed in a field value (a control other than
// HTAB), or `end`.
inline const char* skip_value(const char* p, const char* end) noexcept {
#if defined(__SSE2__)
  for (; end - p >= 16; p += 16) {
    const unsigned stop = detail::bad_in_value(detail::load(p));
    if (stop != 0) return p + std::countr_zero(stop);
  }
#endif
  while (p != end && ascii::is_value_byte(*p))
    ++p;
  return p;
}

// Returns the position of the first byte that is not allowed in a request target (a control, a
// blank, or not ASCII), or `end`.
inline const char* skip_target(const char* p, const char* end) noexcept {
#if defined(__SSE2__)
  for (; end - p >= 16; p += 16) {
    const unsigned good = detail::bits(detail::in_range(detail::load(p), 0x21, 0x7e));
    if (good != 0xffff) return p + std::countr_one(good);
  }
#endif
  while (p != end && ascii::is_target_byte(*p))
    ++p;
  return p;
}

// Returns the position of the first byte that is not allowed in a token, or `end`.
inline const char* skip_token(const char* p, const char* end) noexcept {
#if defined(__SSE2__)
  // Letters, digits and '-' make up nearly all names; the table handles the other token bytes.
  while (end - p >= 16) {
    const __m128i v = detail::load(p);
    const __m128i letter = detail::in_range(_mm_or_si128(v, _mm_set1_epi8(0x20)), 'a', 'z');
    const __m128i digit = detail::in_range(v, '0', '9');
    const __m128i dash = _mm_cmpeq_epi8(v, _mm_set1_epi8('-'));
    const unsigned good = detail::bits(_mm_or_si128(_mm_or_si128(letter, digit), dash));
    p += std::countr_one(good);
    if (good == 0xffff) continue;
    if (!ascii::is_token_byte(*p)) return p;
    ++p;
  }
#endif
  while (p != end && ascii::is_token_byte(*p))
    ++p;
  return p;
}

// Like ascii::is_field_value(), but faster for short texts.
inline bool is_value(std::string_view text) noexcept {
#if defined(__SSE2__)
  if (text.size() >= 4) {
    const char* p = text.data();
    const char* const end = p + text.size();
    if (text.size() <= 16) return detail::bad_in_value(detail::load_short(text)) == 0;
    for (; end - p > 16; p += 16) {
      if (detail::bad_in_value(detail::load(p)) != 0) return false;
    }
    return detail::bad_in_value(detail::load(end - 16)) == 0;
  }
#endif
  return std::all_of(text.begin(), text.end(), ascii::is_value_byte);
}

// Reports whether `text` is a token without upper-case letters.
inline bool is_lower_case_token(std::string_view text) noexcept {
#if defined(__SSE2__)
  if (text.size() >= 4 && text.size() <= 16 &&
      detail::good_in_lower_name(detail::load_short(text)) == 0xffff) {
    return true;
  }
#endif
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return ascii::is_token_byte(c) && !(c >= 'A' && c <= 'Z');
  });
}

}  // namespace onehop::h1
