# SPDX-License-Identifier: MIT
# Warnings for this project's own sources. Programs that link the library do not inherit them.
# Only CI turns warnings into errors (tests/run with CI=true): a newer compiler may warn of more.
add_library(ngpoll_warnings INTERFACE)
target_compile_options(
  ngpoll_warnings
  INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-Wall
            -Wextra
            -Wpedantic
            -Wshadow
            -Wconversion
            -Wnon-virtual-dtor
            -Wold-style-cast
            -Woverloaded-virtual>)
