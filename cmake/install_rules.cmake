# SPDX-License-Identifier: Apache-2.0
include(CMakePackageConfigHelpers)

set(package_folder "${CMAKE_INSTALL_LIBDIR}/cmake/onehop")
install(TARGETS onehop_library EXPORT onehop_targets)
install(DIRECTORY include/onehop DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" FILES_MATCHING PATTERN "*.hpp")
if(TARGET onehop)
  install(TARGETS onehop)
endif()

install(FILES LICENSE DESTINATION "${CMAKE_INSTALL_DOCDIR}")
install(DIRECTORY examples DESTINATION "${CMAKE_INSTALL_DOCDIR}" FILES_MATCHING PATTERN "*.cpp")

# find_package(onehop CONFIG) -> onehop::onehop
install(EXPORT onehop_targets NAMESPACE onehop:: DESTINATION "${package_folder}")
configure_package_config_file(cmake/onehop-config.cmake.in onehop-config.cmake
  INSTALL_DESTINATION "${package_folder}" NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file(onehop-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES
  "${PROJECT_BINARY_DIR}/onehop-config.cmake"
  "${PROJECT_BINARY_DIR}/onehop-config-version.cmake"
  cmake/dependencies.cmake
  DESTINATION "${package_folder}")

# For pkg-config. A program that links the static library must also link the libraries that it uses.
set(ONEHOP_PC_PRIVATE "")
if(BUILD_SHARED_LIBS)
  set(ONEHOP_PC_PRIVATE ".private")
endif()
file(RELATIVE_PATH ONEHOP_PC_TO_PREFIX "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")
string(REGEX REPLACE "/$" "" ONEHOP_PC_TO_PREFIX "${ONEHOP_PC_TO_PREFIX}")
configure_file(cmake/onehop.pc.in onehop.pc @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/onehop.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")

# The program prints its manual page, and the schema that packaging/onehop.toml names. A cross-compiled program cannot
# run here.
if(TARGET onehop AND NOT CMAKE_CROSSCOMPILING)
  install(CODE "
    execute_process(COMMAND \"$<TARGET_FILE:onehop>\" help --man
      OUTPUT_FILE \"${PROJECT_BINARY_DIR}/onehop.1\" COMMAND_ERROR_IS_FATAL ANY)
    execute_process(COMMAND \"$<TARGET_FILE:onehop>\" check --schema
      OUTPUT_FILE \"${PROJECT_BINARY_DIR}/onehop.schema.json\" COMMAND_ERROR_IS_FATAL ANY)")
  install(FILES "${PROJECT_BINARY_DIR}/onehop.1" DESTINATION "${CMAKE_INSTALL_MANDIR}/man1")
  install(FILES "${PROJECT_BINARY_DIR}/onehop.schema.json" DESTINATION "${CMAKE_INSTALL_DATADIR}/onehop")
  install(FILES packaging/onehop.toml DESTINATION "${CMAKE_INSTALL_DOCDIR}")
  include(sbom)
endif()

# systemd looks in this folder, below /usr and /usr/local.
if(TARGET onehop)
  install(FILES packaging/onehop.service packaging/onehop.socket DESTINATION lib/systemd/system)
  install(FILES packaging/grafana/onehop.json DESTINATION "${CMAKE_INSTALL_DATADIR}/onehop/grafana")
  install(FILES packaging/prometheus/onehop.rules.yml DESTINATION "${CMAKE_INSTALL_DATADIR}/onehop/prometheus")
endif()
