# SPDX-License-Identifier: Apache-2.0
#
# Most of the time to compile a file goes into the headers of the standard library and of GoogleTest. Targets with the
# same flags can share one precompiled header: one target makes it, and the others reuse it. Every file still includes
# each header that it uses, since some builds have no precompiled headers: the preset `coverage`, and the library in the
# presets for release, g++ 12 and the debugger.

# onehop_precompile(<target> <header>...): <target> makes the precompiled header.
function(onehop_precompile target)
  if(NOT ONEHOP_PCH)
    return()
  endif()
  target_precompile_headers(${target} PRIVATE ${ARGN})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    # ccache needs the same bytes for the same headers.
    target_compile_options(${target} PRIVATE "SHELL:-Xclang -fno-pch-timestamp")
  endif()
endfunction()

# onehop_reuse_precompiled(<target> <maker>): <target> reuses the precompiled header of <maker>.
function(onehop_reuse_precompiled target maker)
  if(ONEHOP_PCH)
    target_precompile_headers(${target} REUSE_FROM ${maker})
  endif()
endfunction()
