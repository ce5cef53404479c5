# SPDX-License-Identifier: Apache-2.0
#
# The libraries that only the program uses.
find_package(CLI11 CONFIG REQUIRED)
find_package(nlohmann_json CONFIG REQUIRED)
# Only its headers are used; its package would also link a shared library.
find_path(ONEHOP_TOMLPLUSPLUS toml++/toml.h REQUIRED)
pkg_check_modules(ONEHOP_PROMETHEUS REQUIRED IMPORTED_TARGET prometheus-cpp-core)
