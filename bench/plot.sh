# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2154,SC2034 # the variables are bench.sh's
# plot.sh - the row that draws a long log: memlog plot beside gnuplot alone. To be sourced by bench.sh.

plot_samples=${BENCH_PLOT_SAMPLES:-5000000}
plot_many=$((plot_samples * 20))

# in_memory MIB: a folder for files that no disk slows down, in $folder.
in_memory() {
  folder=$work
  if test -w /dev/shm && test "$(df -Pm /dev/shm | awk 'NR == 2 { print $4 }')" -gt "$1"; then
    folder=$(mktemp -d /dev/shm/memlog-bench.XXXXXX) || folder=$work
  fi
}

round_of_plot() {
  spend="$programs/bench_spend"
  measure memlog 'reduced,' "$spend" ./memlog plot --gnuplot-data "$folder/long.log"
  measure gnuplot 'png,' "$spend" gnuplot -c "$work/all.plot" "$folder/long.log" "$folder/all.png"
  measure memlog 'png,' "$spend" ./memlog plot -q -o "$folder/memlog.png" "$folder/long.log"
  if test -s "$folder/many.log"; then
    measure memlog "$plot_many lines reduced," "$spend" ./memlog plot --gnuplot-data "$folder/many.log"
  fi
}

row_plot() {
  command -v gnuplot >/dev/null 2>&1 || { note 'gnuplot is not installed (Debian: gnuplot-nox): the row plot is left out'; return; }
  section plot "a log of $plot_samples samples"
  subjects gnuplot memlog
  ratios memlog/gnuplot
  # The curves of mem.plot, all points of them.
  cat >"$work/all.plot" <<'END'
set terminal pngcairo size 1200,600
set output ARG2
plot ARG1 using 1:2 with filledcurves y1=0, ARG1 using 1:3 with lines, ARG1 using 1:2 with lines
END
  in_memory $((plot_many * 30 / 1048576 + plot_samples * 30 / 1048576))
  "$programs/bench_biglog" walk "$plot_samples" >"$folder/long.log"
  if have_mib $((plot_many * 30 / 1048576 + 2048)) "the log of $plot_many lines" && test "$folder" != "$work"; then
    "$programs/bench_biglog" walk "$plot_many" >"$folder/many.log"
  fi
  rounds plot round_of_plot
  rm -f "$folder/long.log" "$folder/many.log" "$folder/all.png" "$folder/memlog.png"
  test "$folder" = "$work" || rmdir "$folder"
}
