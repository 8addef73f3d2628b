# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# What the scripts of bench/micro share; say, die, usage and need come from cmake/script_lib.sh.
. "$(dirname "${BASH_SOURCE[0]}")/../../cmake/script_lib.sh"

# Sets bin to the folder of the programs, which must all be there.   find_programs FOLDER NAME...
# shellcheck disable=SC2034 # bin is for the scripts
find_programs() {
    local name
    bin=$(realpath -m "${1:-$(dirname "$0")/../../build/release/bin}")
    for name in "${@:2}"; do
        [[ -x $bin/$name ]] || die "no program $bin/$name: cmake --preset release" \
            "-DNGPOLL_BUILD_BENCH=ON && cmake --build --preset release"
    done
}

# The machine a figure was measured on, in one line.
machine() {
    echo "$(nproc) processors $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | sort -u |
        paste -sd ,), $(uname -srm)"
}

# The compiler a program says it was made with.   compiler PROGRAM
compiler() {
    { readelf -p .comment "$1" 2>/dev/null || true; } |
        sed -n 's/^ *\[[^]]*\] *\(.*[^ ]\) *$/\1/p' | sort -u | paste -sd ,
}
