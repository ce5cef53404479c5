# SPDX-License-Identifier: Apache-2.0
#
# A floor is a folder of src/. It is compiled once, as an object library, and linked into each target that needs it. A
# folder without sources is an empty floor, not an error.

# onehop_add_floor(<name> [EXCLUDE <file>...] [USES <target>...])
function(onehop_add_floor name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "EXCLUDE;USES")
  set(folder "${PROJECT_SOURCE_DIR}/src/${name}")
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${folder}/*.cpp")
  list(FILTER sources EXCLUDE REGEX "_test\\.cpp$")
  foreach(file IN LISTS arg_EXCLUDE)
    list(REMOVE_ITEM sources "${folder}/${file}")
  endforeach()
  if(NOT sources)
    return()
  endif()
  add_library(onehop_${name} OBJECT ${sources})
  onehop_own_target(onehop_${name})
  if(ONEHOP_PCH_LIBRARY AND name STREQUAL "base")
    onehop_precompile(onehop_base <onehop/onehop.hpp> <algorithm> <array> <chrono> <deque>
      <functional> <map> <memory> <mutex> <optional> <span> <string> <thread> <unordered_map> <vector>)
  elseif(ONEHOP_PCH_LIBRARY)
    onehop_reuse_precompiled(onehop_${name} onehop_base)
  endif()
  if(ONEHOP_UNITY)
    set_target_properties(onehop_${name} PROPERTIES UNITY_BUILD ON)
  endif()
  target_compile_options(onehop_${name} PRIVATE ${onehop_lto} ${onehop_profile})
  target_link_libraries(onehop_${name} PRIVATE ${arg_USES})
  set_property(SOURCE ${sources} APPEND PROPERTY OBJECT_DEPENDS ${onehop_profile_used})
endfunction()

# Adds a floor's objects, and the libraries that they use, to a target.
function(onehop_link_floor target name)
  if(NOT TARGET onehop_${name})
    return()
  endif()
  target_sources(${target} PRIVATE $<TARGET_OBJECTS:onehop_${name}>)
  if(NOT target STREQUAL "onehop_library")
    get_target_property(uses onehop_${name} LINK_LIBRARIES)
    target_link_libraries(${target} PRIVATE ${uses})
  endif()
endfunction()
