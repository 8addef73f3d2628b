# SPDX-License-Identifier: MIT
# What this project's own sources are compiled with; nobody who links the library inherits it.
# -Werror is the CI's choice (preset "ci"), never forced on whoever builds with a newer compiler.
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
