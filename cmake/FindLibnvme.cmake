# SPDX-License-Identifier: MIT
# Finds libnvme 1.x as Libnvme::Libnvme. Not through pkg-config: Debian 12's libnvme.pc asks for
# json-c's and openssl's, which its -dev package does not pull in. Installed with ngpoll's own
# package configuration, which needs it too.
find_path(Libnvme_INCLUDE_DIR libnvme.h)
find_library(Libnvme_LIBRARY nvme)
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(
  Libnvme
  REQUIRED_VARS Libnvme_LIBRARY Libnvme_INCLUDE_DIR
  REASON_FAILURE_MESSAGE "install libnvme-dev")
mark_as_advanced(Libnvme_INCLUDE_DIR Libnvme_LIBRARY)
if(Libnvme_FOUND AND NOT TARGET Libnvme::Libnvme)
  add_library(Libnvme::Libnvme UNKNOWN IMPORTED)
  set_target_properties(
    Libnvme::Libnvme PROPERTIES IMPORTED_LOCATION "${Libnvme_LIBRARY}"
                                INTERFACE_INCLUDE_DIRECTORIES "${Libnvme_INCLUDE_DIR}")
endif()
