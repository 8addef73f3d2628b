# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# Helpers for the scripts that `boot` runs in a guest:  . "$VM_LIB"

# dmesg_clean [ALLOWED]   Fails, and prints the lines, if the kernel complained since boot.
# ALLOWED, an extended regular expression, names lines that a test provokes and that do not count.
dmesg_clean() {
    local trouble='Oops|BUG:|WARNING:|Call Trace|general protection|blocked for more than'
    trouble+='|stalls? on|stall detected|lockup|I/O error'
    trouble+='|I/O (tag )?[0-9]+.* timeout|controller is down|nvme.* (failed|abort|reset)'
    local lines
    lines=$(dmesg | grep -E "$trouble" | grep -vE "${1:-^\$}") || return 0
    echo "the kernel complained:"
    echo "$lines"
    return 1
} >&2

# wait_for PATH [SECONDS]   Until PATH exists: one drive is there at the start, and others, which
# `boot -a` adds, may take a moment longer.
wait_for() {
    local tenths
    for ((tenths = ${2:-10} * 10; tenths > 0; tenths--)); do
        [[ -e $1 ]] && return
        sleep 0.1
    done
    echo "no $1 after ${2:-10} s" >&2
    return 1
}

# device_of SERIAL   The passthrough device of the drive with that serial number's first namespace.
device_of() {
    local serial
    for serial in /sys/class/nvme/nvme*/serial; do
        [[ $(tr -d ' ' < "$serial") == "$1" ]] || continue
        serial=${serial%/serial}
        echo "/dev/ng${serial##*/nvme}n1"
    done
}

# unload MODULE   Rings of processes that are gone are torn down in the background, and hold their
# driver until then.
unload() {
    local tries
    for tries in {1..50}; do
        rmmod "$1" 2> /dev/null && return
        sleep 0.1
    done
    echo "$1 is in use still after $((tries / 10)) s" >&2
    return 1
}

# load_module NAME   One of those that the RAM disk has and does not load, and before it what it
# depends on. Does nothing for what is loaded.
load_module() {
    local order=/run/modules/$1.order file name
    [[ -e $order ]] || { echo "this kernel has no module $1" >&2; return 1; }
    while read -r file; do
        name=${file%.ko}
        [[ -e /sys/module/${name//-/_} ]] || insmod "/run/modules/$file" || return
    done < "$order"
}

# count_a_second NAME   Marks a second in mid run of the program in the background: past its first line
# of figures, between two. `boot -u` prints the instructions of that second.
count_a_second() {
    sleep 2.5
    echo "window $1"
    "$RIG_MARK"
    sleep 1
    "$RIG_MARK"
}
