# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# Shared by the scripts of cases of the ngpoll command. $ngpoll is the command.
# shellcheck disable=SC2154 # $ngpoll
. "$(dirname "${BASH_SOURCE[0]}")/../cases_lib.sh"

# attempt ARGUMENTS...   Runs ngpoll. Its output is then in $work/out and $work/err, its exit status
# in $status. ngpoll may use $memory_kib of address space and $patience seconds.
memory_kib=unlimited patience=60 status=0
attempt() {
    status=0
    (
        [[ $memory_kib == unlimited ]] || ulimit -v "$memory_kib"
        exec timeout -k 5 "$patience" "$ngpoll" "$@"
    ) > "$work/out" 2> "$work/err" </dev/null || status=$?
}

# run STATUS ARGUMENTS...   Runs ngpoll, which must end with STATUS.
run() {
    local wanted=$1
    shift
    attempt "$@"
    [[ $status == "$wanted" ]] || { complain "ngpoll $*: exit status $status, not $wanted"; return 1; }
}

# shell STATUS COMMAND   Runs a bash command line with "$ngpoll" and "$work" in it. It must end with
# STATUS, and print one line of error if STATUS is not 0.
shell() {
    local lines=$(($1 != 0))
    status=0
    ngpoll=$ngpoll work=$work timeout -k 5 "$patience" bash -c "$2" \
        > "$work/out" 2> "$work/err" </dev/null || status=$?
    if [[ $status == "$1" && $(wc -l < "$work/err") == "$lines" ]]; then
        passed=$((passed + 1))
    else
        complain "$2: exit status $status, not $1 with $lines lines of error"
    fi
}

# whole FILE   True if FILE is one JSON object from the first byte to the last.
whole() { [[ -f $1 && $(head -c 1 "$1") == '{' && $(tail -n 1 "$1") == '}' ]]; }

# refused TEXT ARGUMENTS...   ngpoll must end with status 2 and one line on standard error that
# contains TEXT (an extended regular expression).
refused() {
    local text=$1
    shift
    run 2 "$@" || return 0
    if [[ $(wc -l < "$work/err") != 1 ]]; then
        complain "ngpoll $*: not one line of error"
    elif ! grep -qE -- "$text" "$work/err"; then
        complain "ngpoll $*: the error does not say '$text'"
    else
        passed=$((passed + 1))
    fi
}

# prints STATUS TEXT ARGUMENTS...   ngpoll must end with STATUS and print TEXT on standard output.
prints() {
    local wanted=$1 text=$2
    shift 2
    run "$wanted" "$@" || return 0
    if grep -qE -- "$text" "$work/out"; then
        passed=$((passed + 1))
    else
        complain "ngpoll $*: it does not print '$text'"
    fi
}

# need_jsonschema   Ends the script if Python cannot check a file against a schema.
need_jsonschema() { python3 -c 'import jsonschema' 2> /dev/null || lacks python3-jsonschema; }
