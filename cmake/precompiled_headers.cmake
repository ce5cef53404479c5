# SPDX-License-Identifier: Apache-2.0
#
# Reading the headers of the standard library and of GoogleTest is most of the work of compiling a
# file. A group of targets that are compiled with the same flags can share the result: one target of
# the group makes it, the others reuse it. Every file goes on including what it uses: the preset
# `coverage`, and the library in those of release, g++ 12 and the debugger, are compiled without.

# onehop_precompile(<target> <header>...): the target that makes it
function(onehop_precompile target)
  if(NOT ONEHOP_PCH)
    return()
  endif()
  target_precompile_headers(${target} PRIVATE ${ARGN})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    # The same headers give the same bytes: else ccache finds nothing again.
    target_compile_options(${target} PRIVATE "SHELL:-Xclang -fno-pch-timestamp")
  endif()
endfunction()

# onehop_reuse_precompiled(<target> <maker>)
function(onehop_reuse_precompiled target maker)
  if(ONEHOP_PCH)
    target_precompile_headers(${target} REUSE_FROM ${maker})
  endif()
endfunction()
