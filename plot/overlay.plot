# SPDX-License-Identifier: MIT
#
# overlay.plot: what memlog plot draws several logs with, or other columns than
# Alloc and Sys. It takes memlog_blocks, a file of variables and data blocks, and
# is no script to call: the lines "from mem.plot" stand for sections of that one.

memlog_script = "memlog plot"
memlog_topic  = "memory over time"
memlog_suffix = ""

# --- from mem.plot: helpers
# --- from mem.plot: what is asked for
# --- from mem.plot: where to draw

load memlog_blocks

if (memlog_n < 1) {
  print "memlog: ".memlog_log." has no samples"
  exit status 1
}

# --- from mem.plot: words

if (memlog_logs > 1) {
  details = sprintf("%d logs", memlog_logs).separator.(memlog_from_start ? "each from its start" : \
    strftime("%Y-%m-%d %H:%M:%S", floor(memlog_t0) + offset)).separator.memlog_span
}
if (memlog_from_start) {
  offset = 0
  t0 = memlog_t0
  t1 = memlog_t1 > t0 ? memlog_t1 : t0 + 1
  span = t1 - t0
}

# --- from mem.plot: the time axis

if (memlog_from_start) {
  set xlabel "time since the first sample".(span > 86400 && xstep >= 3600 ? "" : \
    xstep >= 60 ? " (h:min)" : " (h:min:s)") noenhanced
  if (span > 86400) { set xtics time format (xstep >= 3600 ? "%tH h" : "%tH:%M") }
}

# --- curves ----------------------------------------------------------------

# $memlog_curves: column, log, whether in bytes, whether with runs of a single sample, peak, name.
field(i, k) = real(word($memlog_curves[int(i)], k))
rest(text) = text[strstrt(text, " ") + 1:*]
name_of(i) = rest(rest(rest(rest(rest($memlog_curves[int(i)])))))
peak_of(i) = field(i, 5)
is_bytes(i) = field(i, 3) > 0
curves = |$memlog_curves|

top = 0
count_top = 0
has_bytes = 0
has_counts = 0
do for [i = 1:curves] {
  if (is_bytes(i)) { top = greater(top, peak_of(i)); has_bytes = 1 } else { count_top = greater(count_top, peak_of(i)); has_counts = 1 }
}
unit = unit_of(top)
scale = 1024.**unit

# --- from mem.plot: room above the curves

# Counts stand on the right, or, where there are no bytes, on the left.
count_name(i) = i ? word("k M G T P", i) : ""
count_steps(v) = v < 1e4 ? 0 : v < 1e7 ? 1 : v < 1e10 ? 2 : v < 1e13 ? 3 : 4
count_unit = count_steps(count_top)
count_scale = 1000.**count_unit
count_max = count_top > 0 ? count_top / count_scale / (1 - (room < 0.6 ? room : 0.6)) : 1
if (has_counts && has_bytes) {
  set y2range [0:count_max]
  set y2tics
  set format y2 "%g ".count_name(count_unit)
}
if (has_counts && !has_bytes) {
  scale = count_scale
  set yrange [0:count_max]
  set format y "%g ".count_name(count_unit)
}
on_right(i) = has_bytes && !is_bytes(i)
divisor(i) = is_bytes(i) ? scale : count_scale
count_in(v, k) = sprintf(digits(v / 1000.**k)."%s%s", v / 1000.**k, k ? " " : "", count_name(k))
peak_text(i) = ", peak ".(is_bytes(i) ? bytes(peak_of(i)) : count_in(peak_of(i), count_steps(peak_of(i))))
title_of(i) = name_of(i).peak_text(i).(on_right(i) ? " (right)" : "")

# --- from mem.plot: looks

if (has_counts && has_bytes && !text_only) {
  set border 11
  set rmargin 10
  set y2tics out scale 0.5 textcolor rgb colour_text
}
if (text_only) {
  set key below
} else {
  set tmargin 4.6
  set key bmargin center horizontal Left reverse samplen 2 height 0.5 textcolor rgb colour_text noenhanced
}

array palette[10] = [0x2f6fb3, 0xd9822b, 0x3a923a, 0x8e5ea2, 0xc03d3e, 0x4aa5a5, 0x845b53, 0xd684bd, 0x7f7f7f, 0x9a8f1c]
# Of one log each column has its colour; of several each log, and its columns are told apart by
# their dashes.
hue(i) = palette[1 + int(field(i, memlog_logs > 1 ? 2 : 1)) % 10]
dash_of(i) = memlog_logs > 1 ? 1 + int(field(i, 1)) % 5 : 1
curve_width = memlog_n > 2000 ? 1.2 : 2
width_of(i) = dash_of(i) > 1 ? curve_width * 0.8 : curve_width

tag = 10
# --- from mem.plot: marks and limits

# --- the picture ---------------------------------------------------------

if (memlog_out ne "") { set output memlog_out }

x_of(t) = t + offset
y_of(v, i) = v / divisor(i)
# Which axis a curve stands on is no expression to gnuplot: so the words are put together. No text
# of a log is among them.
curve_of(i) = sprintf("$memlog_data index %d using (x_of($1)):(y_of($%d, %d)) axes x1y%d with lines ". \
  "linewidth %g dashtype %d linecolor rgb %d title title_of(%d)", field(i, 2), 2 + field(i, 1), i, \
  on_right(i) ? 2 : 1, width_of(i), dash_of(i), hue(i), i)
# A run of a single sample has no curve.
dots_of(i) = field(i, 4) == 0 ? "" : ", ".sprintf("$memlog_singles index %d using (x_of($1)):(y_of($%d, %d)) axes x1y%d with points ". \
  "pointtype 7 pointsize 0.5 linecolor rgb %d notitle", field(i, 2), 2 + field(i, 1), i, \
  on_right(i) ? 2 : 1, hue(i))
pictures = ""
do for [i = 1:curves] { pictures = pictures.(i > 1 ? ", " : "").curve_of(i).dots_of(i) }
eval("plot ".pictures)
unset output
