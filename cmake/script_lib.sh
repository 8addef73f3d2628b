# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# What the scripts of cmake, tests and bench share: messages, usage texts, missing tools, retries,
# locks, the cache, and Debian packages of another suite without touching this machine's apt sources.

PATH=$PATH:/usr/sbin:/sbin # depmod and modprobe: the PATH inside a chroot often lacks these
# shellcheck disable=SC2034 # used by the scripts that source this
vm_cache=${XDG_CACHE_HOME:-~/.cache}/ngpoll-vm
export DEBIAN_FRONTEND=noninteractive LC_ALL=C

this_script=$(realpath "$0") # before a cd
say() { echo "${0##*/}: $*" >&2; }
die() { say "$@"; exit 1; }

# usage   Prints the comment at the head of the calling script, which ends where the comment does.
usage() {
    awk 'NR == 1 || /^# (SPDX|shellcheck)/ { next }
        !/^#/ { exit }
        { sub(/^# ?/, ""); print }' "$this_script"
}

# need COMMAND:PACKAGE...   Exit status 77 is what CTest (SKIP_RETURN_CODE) reads as skipped.
need() {
    local pair commands=() packages=()
    for pair; do
        command -v "${pair%%:*}" >/dev/null && continue
        commands+=("${pair%%:*}") packages+=("${pair#*:}")
    done
    ((${#commands[@]} == 0)) && return
    say "skipped, needs ${commands[*]}: apt-get install ${packages[*]}"
    exit 77
}

# readme_command NAME FILE   The block of README.md's below <!-- command: NAME -->.
readme_command() {
    awk -v marker="<!-- command: $1 -->" '
        $0 == marker { marked = 1; next }
        marked && /^```/ { if (inside) exit; inside = 1; next }
        inside' "$2"
}

# three_times COMMAND...
three_times() {
    local try
    for try in 1 2 3; do
        "$@" && return
        ((try == 3)) || { say "try $try of 3 failed: $1 ... ${*: -1}"; sleep $((try * 5)); }
    done
    return 1
}

# locked FILE COMMAND...   Runs COMMAND while it alone holds FILE's lock.
# COMMAND does not get the descriptor: a child that lives on must not keep the lock.
locked() {
    local file=$1
    shift
    mkdir -p "${file%/*}"
    (flock 9 && "$@" 9>&-) 9>"$file"
}

# archive LABEL   The archive with that label in this machine's own apt configuration, or nothing.
archive() {
    # shellcheck disable=SC2016 # $(REPO_URI) is for apt to fill in
    apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' "Label: $1" | sed -n 1p
}

# Debian's archive. The last way to find it is for a machine that never ran `apt-get update`: there
# indextargets prints nothing.
debian_archive() {
    local site=${NGPOLL_DEBIAN_ARCHIVE:-}
    [[ $site ]] || site=$(archive Debian)
    [[ $site ]] || site=$(apt-get update --print-uris |
        sed -n "s,^'\([^']*/debian\)/dists/.*,\1,p" | head -n 1)
    [[ $site ]] || die "apt's sources name no Debian archive; set NGPOLL_DEBIAN_ARCHIVE to its URL"
    echo "$site"
}

# use_suite FOLDER deb|deb-src SUITE   Points the options in the array `apt` at that suite alone,
# with every file of apt's below FOLDER.
use_suite() {
    local folder=$1 type=$2 suite=$3 site keyring=/usr/share/keyrings/debian-archive-keyring.gpg
    [[ -e $keyring ]] || die "no $keyring: apt-get install debian-archive-keyring"
    site=$(debian_archive) || exit
    mkdir -p "$folder"/lists/partial "$folder"/archives/partial
    echo "$type [signed-by=$keyring] $site $suite main" > "$folder/sources.list"
    apt=(-qq -o "Dir::Etc::sourcelist=$folder/sources.list" -o Dir::Etc::sourceparts=-
        -o "Dir::State::Lists=$folder/lists" -o "Dir::Cache=$folder" -o Dir::Cache::pkgcache=
        -o Dir::Cache::srcpkgcache= -o APT::Sandbox::User=root -o APT::Update::Error-Mode=any)
    three_times apt-get "${apt[@]}" update >&2 ||
        die "could not fetch the package lists of Debian $suite (three tries)"
}
