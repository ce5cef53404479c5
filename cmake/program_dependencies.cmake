# SPDX-License-Identifier: Apache-2.0
#
# Libraries that the program uses and the library does not.
find_package(CLI11 CONFIG REQUIRED)
find_package(nlohmann_json CONFIG REQUIRED)
