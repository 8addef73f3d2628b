# SPDX-License-Identifier: MIT
# cmake --install: the library, its headers, and what find_package and pkg-config read.
# Everything finds itself from its own place, so the installed tree may be moved.
include(CMakePackageConfigHelpers)
set(ngpoll_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/ngpoll)

set_target_properties(
  ngpoll_engine PROPERTIES VERSION ${PROJECT_VERSION}
                           SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
install(TARGETS ngpoll_engine EXPORT ngpollTargets FILE_SET HEADERS)
install(EXPORT ngpollTargets NAMESPACE ngpoll:: DESTINATION ${ngpoll_package_dir})

configure_package_config_file(
  cmake/ngpollConfig.cmake.in ${CMAKE_CURRENT_BINARY_DIR}/ngpollConfig.cmake
  INSTALL_DESTINATION ${ngpoll_package_dir}
  NO_SET_AND_CHECK_MACRO)
# 0.x promises nothing across minor versions.
write_basic_package_version_file(
  ${CMAKE_CURRENT_BINARY_DIR}/ngpollConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(
  FILES ${CMAKE_CURRENT_BINARY_DIR}/ngpollConfig.cmake
        ${CMAKE_CURRENT_BINARY_DIR}/ngpollConfigVersion.cmake
        ${CMAKE_CURRENT_SOURCE_DIR}/cmake/FindLibnvme.cmake
  DESTINATION ${ngpoll_package_dir})

# A static library leaves the libraries that it needs to every program. A shared one brings them
# along. libnvme goes by name: Debian 12's libnvme.pc requires json-c.pc, and libnvme-dev does not
# depend on the package that has it. So pkg-config would fail.
set(ngpoll_pc_requires "Requires: fmt liburing >= 2.3")
set(ngpoll_pc_libs "-lngpoll -lnvme -pthread")
if(BUILD_SHARED_LIBS)
  set(ngpoll_pc_requires "")
  set(ngpoll_pc_libs "-lngpoll")
endif()
cmake_path(
  RELATIVE_PATH CMAKE_INSTALL_PREFIX
  BASE_DIRECTORY ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig
  OUTPUT_VARIABLE ngpoll_pc_prefix)
configure_file(cmake/ngpoll.pc.in ngpoll.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/ngpoll.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
