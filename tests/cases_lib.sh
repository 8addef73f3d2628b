# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# Shared by the scripts of cases, on this machine and in a guest. They count passed and failed cases.
# They keep files in the folder $work, which a script may set to another folder.
# NGPOLL_TEST_STOP: the first failure ends the script.
passed=0 failed=0
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT
work=$made

# complain TEXT...   Counts a failure, and prints the last command's output.
complain() {
    echo "FAILED: $*"
    sed 's/^/    /' "$work/out" "$work/err" 2>/dev/null
    failed=$((failed + 1))
    [[ ! ${NGPOLL_TEST_STOP:-} ]] || exit 1
}

# check NAME COMMAND...   COMMAND must end with 0.
check() {
    local name=$1
    shift
    if "$@"; then passed=$((passed + 1)); else complain "$name"; fi
}

# lacks PACKAGE   Ends the script: CTest reads 77 as skipped.
lacks() {
    echo "skipped: $1 is missing (cmake/setup --tests)"
    exit 77
}

# finish [NAME]   Ends the script: the status is 1 if anything failed.
finish() {
    echo "${1:-${0##*/}}: $passed passed, $failed failed"
    exit "$((failed != 0))"
}
