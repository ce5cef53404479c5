# SPDX-License-Identifier: Apache-2.0
#
# Compile options. Those for every object of the build (sanitizers, coverage, linker, compiler cache) are set for the
# whole directory. Warnings and hardening are only for the targets of onehop: onehop_own_target() sets them, and
# onehop_own_test_target() sets the warnings for tests.
include(CheckLinkerFlag)
include(CheckPIESupported)

if(NOT PROJECT_IS_TOP_LEVEL)
  set(ONEHOP_HAS_LLD OFF)
else()
  find_program(ONEHOP_CCACHE ccache)
  mark_as_advanced(ONEHOP_CCACHE)
  set(launcher "")
  # The program that users run must not depend on the folder of the build. Other builds keep absolute names, which
  # debuggers and the reports of sanitizers need.
  string(FIND "${PROJECT_BINARY_DIR}" "${PROJECT_SOURCE_DIR}/" position)
  if(position EQUAL 0 AND NOT CMAKE_BUILD_TYPE STREQUAL "Debug" AND NOT ONEHOP_SANITIZE AND NOT ONEHOP_COVERAGE AND
      NOT ONEHOP_FUZZ)
    set(launcher "${PROJECT_SOURCE_DIR}/cmake/compile_relative" "${PROJECT_SOURCE_DIR}" "${PROJECT_BINARY_DIR}")
    # In the debug information, the folder of the build is ".".
    add_compile_options("-ffile-prefix-map=${PROJECT_BINARY_DIR}=.")
  endif()
  if(ONEHOP_CCACHE)
    # Without these settings, ccache does not cache a compilation that uses a precompiled header.
    list(APPEND launcher env CCACHE_SLOPPINESS=pch_defines,time_macros "${ONEHOP_CCACHE}")
  endif()
  if(NOT DEFINED CMAKE_CXX_COMPILER_LAUNCHER)
    set(CMAKE_CXX_COMPILER_LAUNCHER ${launcher})
  endif()
  check_linker_flag(CXX -fuse-ld=lld ONEHOP_HAS_LLD)
endif()
if(ONEHOP_HAS_LLD)
  add_link_options(-fuse-ld=lld)
endif()

# The objects of the floors have both intermediate code and machine code. The program is linked from the intermediate
# code, which takes 5 % less CPU for a small request. Everything else, and a program that links the installed library,
# uses the machine code.
set(onehop_lto "")
if(ONEHOP_LTO AND ONEHOP_HAS_LLD AND CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  set(onehop_lto -flto=thin -ffat-lto-objects)
endif()

check_pie_supported(LANGUAGES CXX)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
# Thread-local variables are few and small. So they fit into the space that the loader reserves, even if a program loads
# onehop late, as part of a plugin.
add_compile_options(-fno-semantic-interposition -ftls-model=initial-exec)

if(ONEHOP_SANITIZE)
  add_compile_options(-fsanitize=${ONEHOP_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${ONEHOP_SANITIZE})
endif()
if(ONEHOP_FUZZ AND ONEHOP_FUZZ_ENGINE STREQUAL "-fsanitize=fuzzer")
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
if(ONEHOP_COVERAGE)
  add_compile_options(-fprofile-instr-generate -fcoverage-mapping)
  add_link_options(-fprofile-instr-generate)
endif()
if(ONEHOP_ASSERTIONS)
  add_compile_definitions(_GLIBCXX_ASSERTIONS)
endif()

# Users run optimised builds without a sanitizer, so these get the hardening of a network service. (_FORTIFY_SOURCE
# hides calls from the sanitizers, and does nothing at -O0.)
set(onehop_hardening "")
if(NOT ONEHOP_SANITIZE AND NOT ONEHOP_FUZZ)
  # Not -ftrivial-auto-var-init: clearing the buffers on the stack takes 65 % more instructions for a request with TLS,
  # and 56 % more with HTTP/2 (tools/count_instructions --only tls).
  # Not clang's CFI: it needs LTO, and users of the library link the machine code, which is compiled without LTO.
  set(onehop_optimised -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 -fstack-clash-protection)
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
    list(APPEND onehop_optimised -fcf-protection=full)
  endif()
  list(TRANSFORM onehop_optimised REPLACE "(.+)" "$<$<NOT:$<CONFIG:Debug>>:\\1>")
  set(onehop_hardening -fstack-protector-strong ${onehop_optimised})
  add_link_options(-Wl,-z,relro,-z,now)
endif()

function(onehop_own_target_unhardened target)
  target_compile_features(${target} PRIVATE cxx_std_23)
  target_include_directories(${target} PRIVATE
    "${PROJECT_SOURCE_DIR}/include" "${PROJECT_SOURCE_DIR}/src")
  target_compile_definitions(${target} PRIVATE "ONEHOP_VERSION=\"${PROJECT_VERSION}\"")
  if(PROJECT_IS_TOP_LEVEL)
    target_compile_options(${target} PRIVATE
      -Wall -Wextra -Wshadow -Wconversion -Wnon-virtual-dtor -Woverloaded-virtual -Wold-style-cast
      -Wimplicit-fallthrough
      $<$<BOOL:${ONEHOP_UNITY}>:-Wno-shadow>  # a unity build also warns of names of other files
      $<$<BOOL:${ONEHOP_WERROR}>:-Werror>)
  else()
    # As part of another project, which may set no build type. Warnings are only for developers of onehop.
    target_compile_options(${target} PRIVATE $<$<CONFIG:>:-O2>)
    target_compile_definitions(${target} PRIVATE $<$<CONFIG:>:NDEBUG>)
  endif()
endfunction()

function(onehop_own_target target)
  onehop_own_target_unhardened(${target})
  target_compile_options(${target} PRIVATE ${onehop_hardening})
endfunction()

# Optimising takes half the time of compiling a test, and most tests gain less than that. The library under test is
# compiled as users run it.
function(onehop_own_test_target target)
  onehop_own_target_unhardened(${target})
  target_compile_options(${target} PRIVATE -O0 $<$<BOOL:${ONEHOP_UNITY_TESTS}>:-Wno-shadow>)
endfunction()
