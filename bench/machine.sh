# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2154,SC2034 # the variables are bench.sh's
# machine.sh - whom the machine worked for while something was measured.
#
# /proc/stat says how long all CPUs together were busy (time that a hypervisor
# gave to others counts as busy), /proc/PID/stat of the driver's shell how much
# of that were its own ended children. What is left is somebody else's. To be
# sourced; wants $work, a folder.

most_other_percent=10  # of one core: more, and the machine was shared
tolerated_ticks=3      # how coarse the clocks of /proc are
quiet_budget=${QUIET:-120} # seconds to wait for a quiet moment, in a whole run,
longest_wait=15        # and before one round

ticks_per_second=$(getconf CLK_TCK)

# now_ticks: "uptime busy own", all in clock ticks.
now_ticks() {
  awk -v hz="$ticks_per_second" '
    FILENAME == "/proc/uptime" { up = $1 * hz }
    FILENAME == "/proc/stat" && $1 == "cpu" { busy = $2 + $3 + $4 + $7 + $8 + $9 }
    FILENAME ~ /[0-9]/ { sub(/^.*\) /, ""); own = $12 + $13 + $14 + $15 }
    END { printf "%d %d %d\n", up, busy, own }' /proc/uptime /proc/stat "/proc/$$/stat"
}

watch_begin() { now_ticks >"$work/watch"; }

# watch_end: succeeds when the machine was ours since watch_begin. Leaves what
# others took, in percent of a core, in $others_percent.
watch_end() {
  now_ticks >>"$work/watch"
  others_percent=$(awk -v most="$most_other_percent" -v slack="$tolerated_ticks" '
    NR == 1 { up = $1; busy = $2; own = $3 }
    NR == 2 {
      wall = $1 - up
      others = ($2 - busy) - ($3 - own)
      shared = others > wall * most / 100 + slack
      percent = 0
      if (wall > 0 && others > 0) percent = 100 * others / wall
      printf "%d %d\n", percent, shared
    }' "$work/watch")
  shared=${others_percent#* }
  others_percent=${others_percent% *}
  test "$shared" -eq 0
}

# wait_for_quiet: returns when a second has passed in which nobody else did
# much, or when it was waited long enough.
wait_for_quiet() {
  waited=0
  while test "$quiet_budget" -gt 0 && test "$waited" -lt "$longest_wait"; do
    waited=$((waited + 1))
    quiet_budget=$((quiet_budget - 1))
    watch_begin
    sleep 1
    if watch_end; then
      return
    fi
  done
}

# describe_machine: in one line.
describe_machine() {
  model=$(sed -n 's/^model name[[:blank:]]*: //p' /proc/cpuinfo | sort -u | head -n 1)
  memory=$(awk '$1 == "MemTotal:" { printf "%.0f GiB", $2 / 1048576 }' /proc/meminfo)
  hypervisor=
  if grep -qw hypervisor /proc/cpuinfo; then hypervisor=', virtual machine'; fi
  echo "$(getconf _NPROCESSORS_ONLN) CPUs of \"$model\", $memory, Linux $(uname -r)$hypervisor"
}
