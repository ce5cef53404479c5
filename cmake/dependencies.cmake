# SPDX-License-Identifier: Apache-2.0
#
# The libraries that the onehop library links. The build includes this file, and so does the installed package, since a
# program that links the static library needs the same targets under the same names.
include(CMakeFindDependencyMacro)
set(THREADS_PREFER_PTHREAD_FLAG ON)
find_dependency(Threads)
find_dependency(PkgConfig)
if(NOT TARGET PkgConfig::ONEHOP_CARES)
  pkg_check_modules(ONEHOP_CARES REQUIRED QUIET IMPORTED_TARGET libcares)
endif()
if(NOT TARGET PkgConfig::ONEHOP_OPENSSL)
  pkg_check_modules(ONEHOP_OPENSSL REQUIRED QUIET IMPORTED_TARGET openssl>=3.0)
endif()
if(NOT TARGET PkgConfig::ONEHOP_IDN2)
  pkg_check_modules(ONEHOP_IDN2 REQUIRED QUIET IMPORTED_TARGET libidn2)
endif()
if(NOT TARGET PkgConfig::ONEHOP_NGHTTP2)
  pkg_check_modules(ONEHOP_NGHTTP2 REQUIRED QUIET IMPORTED_TARGET libnghttp2)
endif()
