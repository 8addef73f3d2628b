# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# Shared by the scripts of tests/vm that boot a guest.
# shellcheck disable=SC2034 # here, kernel and build are for these scripts
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
here=$root/tests/vm
. "$root/cmake/script_lib.sh"

# take_arguments ARGUMENTS...   Reads [-k KERNEL] [BUILD_DIR] into kernel and build.
take_arguments() {
    local option OPTIND=1
    kernel=new
    while getopts k:h option; do
        case $option in
        k) kernel=$OPTARG ;;
        h) usage; exit ;;
        *) usage >&2; exit 2 ;;
        esac
    done
    shift $((OPTIND - 1))
    build=$(realpath -m "${1:-$root/build/check}")
}

# need_built FILE [OPTIONS]   Ends the script if the build folder lacks FILE.
need_built() {
    [[ -e $build/$1 ]] ||
        die "no $build/$1: cmake --preset check${2:+ $2} && cmake --build --preset check builds it"
}
