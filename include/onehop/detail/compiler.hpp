// SPDX-License-Identifier: Apache-2.0
//
// Refuses compilers that cannot compile these headers, with one clear error. It must be included
// before the first header of the standard library.
#pragma once

#if __cplusplus < 202100L
#error "onehop needs C++23: compile with -std=c++23, by clang 19 or newer or by g++ 12 or newer"
#define ONEHOP_REFUSED
#elif defined(__clang__) && __clang_major__ < 19
#error "onehop needs clang 19 or newer, or g++ 12 or newer; this clang is older"
#define ONEHOP_REFUSED
#elif !defined(__clang__) && (!defined(__GNUC__) || __GNUC__ < 12)
#error "onehop needs g++ 12 or newer, or clang 19 or newer; this compiler is older, or another"
#define ONEHOP_REFUSED
#endif
#ifdef ONEHOP_REFUSED
#include <onehop/detail/there_is_no_such_header.hpp>  // ends the compilation here
#endif
