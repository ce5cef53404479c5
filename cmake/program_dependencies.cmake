# SPDX-License-Identifier: Apache-2.0
#
# Libraries that the program uses and the library does not.
find_package(CLI11 CONFIG REQUIRED)
find_package(nlohmann_json CONFIG REQUIRED)
# Headers only: its package would link a shared library.
find_path(ONEHOP_TOMLPLUSPLUS toml++/toml.h REQUIRED)
pkg_check_modules(ONEHOP_PROMETHEUS REQUIRED IMPORTED_TARGET prometheus-cpp-core)
