# SPDX-License-Identifier: MIT
# log_common.sh - what the log's test scripts share: a directory to work in,
# the driver, and a judge for log files. Sourced, from a script named $0.

: "${top_builddir:=$PWD}"
driver=$top_builddir/tests/prog_log_driver
name=$(basename "$0" .sh)
[ -x "$driver" ] || { echo "$name: $driver is not there"; exit 77; }

scratch=$(mktemp -d "${TMPDIR:-/tmp}/$name.XXXXXX") || exit 99
clean_up() { :; }
trap 'clean_up; rm -rf "$scratch"' EXIT
trap 'exit 1' HUP INT TERM
cd "$scratch" || exit 99

# fail WORDS...: say so, show the log, end.
fail() {
        echo "$name: $*"
        for file in "$scratch"/memory.log*; do
                [ -f "$file" ] && { echo "--- $file"; tail -n 20 "$file"; }
        done
        exit 1
}

# drive STEP...: the driver, which must succeed.
drive() {
        "$driver" "$@" || fail "driver failed: $*"
}

# bad_lines FILE...: what is neither a comment, nor blank, nor marked as cut,
# nor a sample of the fakes (Sys is Alloc and a thousand million).
bad_lines() {
        awk '/^#/ || /^$/ || / \?$/ { next }
             NF == 3 && $1 ~ /^[0-9]+(\.[0-9]+)?$/ && $3 == $2 + 1000000000 { next }
             { print FILENAME ": " FNR ": " $0 }' "$@"
        for file in "$@"; do
                [ -s "$file" ] && [ "$(tail -c 1 "$file" | od -An -tx1 | tr -d ' ')" != 0a ] &&
                        echo "$file ends without a line break"
        done
}

# judge FILE...: every line is one that may be there.
judge() {
        bad=$(bad_lines "$@")
        [ -z "$bad" ] || fail "bad lines: $bad"
}

# samples FILE...: how many there are.
samples() {
        cat "$@" | grep -v ' ?$' | grep -c '^[0-9]'
}

# headers FILE...: how many there are.
headers() {
        cat "$@" | grep -c '^# memlog 1 pid='
}

# missing FILE...: numbers that one process read (1, 2, 3, ...), but which are
# not in the files.
missing() {
        cat "$@" | awk '/^[0-9]/ && !/ \?$/ { seen[$2] = 1; if ($2 > last) last = $2 }
                        END { for (n = 1; n <= last; n++) if (!(n in seen)) print n }'
}

# equal WHAT IS EXPECTED
equal() {
        [ "$2" = "$3" ] || fail "$1: $2, not $3"
}
