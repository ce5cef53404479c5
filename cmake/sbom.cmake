# SPDX-License-Identifier: Apache-2.0
#
# Installs the bill of materials of the program. cmake/write_sbom finds the versions and the hashes.
find_package(Python3 COMPONENTS Interpreter)
if(NOT Python3_FOUND)
  message(STATUS "No bill of materials is installed: it needs Python")
  return()
endif()

find_path(ONEHOP_CLI11 CLI/CLI.hpp)
find_path(ONEHOP_NLOHMANN_JSON nlohmann/json.hpp)
mark_as_advanced(ONEHOP_CLI11 ONEHOP_NLOHMANN_JSON)
set(onehop_materials
  "c-ares=MIT=libcares.so"
  "libidn2=GPL-2.0-or-later OR LGPL-3.0-or-later=libidn2.so"
  "nghttp2=MIT=libnghttp2.so"
  "OpenSSL=Apache-2.0=libssl.so"
  "OpenSSL=Apache-2.0=libcrypto.so"
  "prometheus-cpp=MIT=libprometheus-cpp"
  "libstdc++=GPL-3.0-or-later WITH GCC-exception-3.1=libstdc++.so"
  "libgcc=GPL-3.0-or-later WITH GCC-exception-3.1=libgcc_s.so"
  "glibc=LGPL-2.1-or-later=libc.so"
  "glibc=LGPL-2.1-or-later=libm.so"
  "CLI11=BSD-3-Clause=${ONEHOP_CLI11}/CLI/CLI.hpp"
  "nlohmann-json=MIT=${ONEHOP_NLOHMANN_JSON}/nlohmann/json.hpp"
  "toml++=MIT=${ONEHOP_TOMLPLUSPLUS}/toml++/toml.h")
list(JOIN onehop_materials "\n" onehop_materials)
file(WRITE "${PROJECT_BINARY_DIR}/materials" "${onehop_materials}\n")
install(CODE "
  execute_process(COMMAND \"${Python3_EXECUTABLE}\" \"${PROJECT_SOURCE_DIR}/cmake/write_sbom\" \"${PROJECT_VERSION}\"
    \"$<TARGET_FILE:onehop>\" \"${PROJECT_BINARY_DIR}/onehop.spdx.json\" \"${PROJECT_BINARY_DIR}/materials\"
    COMMAND_ERROR_IS_FATAL ANY)")
install(FILES "${PROJECT_BINARY_DIR}/onehop.spdx.json" DESTINATION "${CMAKE_INSTALL_DOCDIR}")
