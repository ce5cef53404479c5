# SPDX-License-Identifier: Apache-2.0
#
# Puts an HTML page into the program (g++ 12 does not have #embed). If this file is included, it defines
# onehop_embed_page(). If it runs as a script (cmake -D page=... -D output=... -P), it writes the header that a source
# includes: kPage is the page, and kScriptHash and kStyleHash are the hashes of its only script and its only style, in
# the form of a Content-Security-Policy.

# onehop_embed_page(<floor> <page>): generates "<floor>/<name of the page>_html.hpp" for the sources of the floor.
function(onehop_embed_page floor page)
  get_filename_component(name "${page}" NAME_WE)
  set(folder "${PROJECT_BINARY_DIR}/embedded")
  set(output "${folder}/${floor}/${name}_html.hpp")
  set(script "${PROJECT_SOURCE_DIR}/cmake/embedded_page.cmake")
  add_custom_command(
    OUTPUT "${output}"
    COMMAND "${CMAKE_COMMAND}" -D "page=${page}" -D "output=${output}" -P "${script}"
    DEPENDS "${page}" "${script}"
    COMMENT "Embedding ${name}.html"
    VERBATIM)
  target_sources(onehop_${floor} PRIVATE "${output}")
  target_include_directories(onehop_${floor} PRIVATE "${folder}")
endfunction()

# Sets `result` to the base64 form of a SHA-256, given as 64 hexadecimal digits.
function(onehop_base64_of_sha256 hex result)
  set(alphabet "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
  set(text "")
  foreach(i RANGE 42)
    # The six bits from bit 6 * i are within three digits.
    math(EXPR digit "6 * ${i} / 4")
    math(EXPR shift "6 - 6 * ${i} % 4")
    string(SUBSTRING "${hex}00" ${digit} 3 three)
    math(EXPR value "(0x${three} >> ${shift}) & 63")
    string(SUBSTRING "${alphabet}" ${value} 1 character)
    string(APPEND text "${character}")
  endforeach()
  set(${result} "${text}=" PARENT_SCOPE)
endfunction()

# Sets `result` to the hash of the content of the page's only <tag> element.
function(onehop_hash_of tag content result)
  string(REGEX MATCHALL "<${tag}>" found "${content}")
  list(LENGTH found count)
  if(NOT count EQUAL 1)
    message(FATAL_ERROR "${page}: expected one <${tag}>, found ${count}")
  endif()
  string(FIND "${content}" "<${tag}>" begin)
  string(FIND "${content}" "</${tag}>" end)
  string(LENGTH "<${tag}>" tag_size)
  math(EXPR begin "${begin} + ${tag_size}")
  math(EXPR size "${end} - ${begin}")
  string(SUBSTRING "${content}" ${begin} ${size} inside)
  string(SHA256 hex "${inside}")
  onehop_base64_of_sha256("${hex}" hash)
  set(${result} "sha256-${hash}" PARENT_SCOPE)
endfunction()

if(CMAKE_SCRIPT_MODE_FILE)
  cmake_minimum_required(VERSION 3.25)
  file(READ "${page}" content)
  onehop_hash_of(script "${content}" script_hash)
  onehop_hash_of(style "${content}" style_hash)
  file(READ "${page}" hex HEX)
  string(REGEX REPLACE "(................................)" "\\1\n" lines "${hex}")
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "'\\\\x\\1'," characters "${lines}")
  get_filename_component(name "${page}" NAME)
  file(WRITE "${output}" "// Made from ${name}.\n#pragma once\n#include <string_view>\nnamespace onehop::embedded {\n"
    "inline constexpr std::string_view kScriptHash = \"${script_hash}\";\n"
    "inline constexpr std::string_view kStyleHash = \"${style_hash}\";\n"
    "inline constexpr char kPage[] = {\n${characters}\n};\n}\n")
endif()
