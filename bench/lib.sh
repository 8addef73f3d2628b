# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# The functions that the scripts of bench share. say, die, usage and need are in cmake/script_lib.sh.
# shellcheck disable=SC2034 # here, bin and ngpoll are for these scripts
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
here=$(cd "$(dirname "$0")" && pwd)
. "$root/cmake/script_lib.sh"

# find_programs FOLDER NAME...   Sets bin to the folder of the programs, which must all be there.
find_programs() {
    local name
    bin=$(realpath -m "${1:-$root/build/release/bin}")
    for name in "${@:2}"; do
        [[ -x $bin/$name ]] || die "no program $bin/$name: cmake --preset release" \
            "-DNGPOLL_BUILD_BENCH=ON && cmake --build --preset release"
    done
}

# find_ngpoll [PATH]   Sets ngpoll to the path of the command.
find_ngpoll() {
    ngpoll=$(realpath -m "${1:-$root/build/release/bin/ngpoll}")
    [[ -x $ngpoll ]] || die "no program $ngpoll: build it, or name another one"
}

# into LOG COMMAND...   Writes the output of the command to LOG. If the command fails, shows its end.
into() {
    local log=$1 status=0
    shift
    "$@" > "$log" || status=$?
    ((status != 77)) || exit 77
    ((status != 0)) || return 0
    say "failed (status $status); the end of its output:"
    tail -n 15 "$log" >&2
    return "$status"
}

# boot OPTIONS... SCRIPT ARGUMENTS...   Runs cmake/vm/boot. --pdeathsig: no guest outlives the script.
boot() { setpriv --pdeathsig TERM "$root/cmake/vm/boot" "$@"; }

# Functions for the awk programs of these scripts:  awk "$awk_functions"'...'
#   number(TEXT)    the value of 12.3K or 1,234 in a line of figures
#   median(LIST)    of numbers with blanks between them; also sets least and most
awk_functions='
    function number(text) {
        gsub(/[^0-9.KM]/, "", text)
        # In arithmetic awk takes the number before the letter.
        return text * (text ~ /M$/ ? 1e6 : text ~ /K$/ ? 1e3 : 1)
    }
    function median(of,    list, n, i, k, held) {
        n = split(of, list, " ")
        for (i = 1; i <= n; i++) {
            held = list[i] + 0
            for (k = i - 1; k > 0 && list[k] > held; k--) list[k + 1] = list[k]
            list[k + 1] = held
        }
        least = list[1]
        most = list[n]
        return n % 2 ? list[(n + 1) / 2] : (list[n / 2] + list[n / 2 + 1]) / 2
    }
'

# Prints in one line the machine on which a figure was measured.
machine() {
    echo "$(nproc) processors $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | sort -u |
        paste -sd ,), $(uname -srm)"
}

# compiler PROGRAM   Prints the compiler that the program names as its own.
compiler() {
    { readelf -p .comment "$1" 2>/dev/null || true; } |
        sed -n 's/^ *\[[^]]*\] *\(.*[^ ]\) *$/\1/p' | sort -u | paste -sd ,
}
