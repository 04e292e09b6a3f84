# SPDX-License-Identifier: MIT
#
# mem.plot: draws a memlog log, memory in use against memory from the system.
#
#   gnuplot -p mem.plot                     memory.log in a window, or in this
#                                           terminal where there is no display
#   gnuplot -p -c mem.plot LOG              the same for another log
#   gnuplot -c mem.plot LOG png [PICTURE]   a picture; also svg, pdf. PICTURE is
#                                           LOG with the ending changed unless
#                                           given; "-" is the standard output
#   gnuplot -c mem.plot LOG dumb [TEXT]     characters, on the standard output
#                                           unless a file is given
#
# Where a run began in LOG.1, which was put aside for its size, that is drawn too.
# A log that cannot be drawn is one line on the standard error, exit status 1,
# and no picture. Apart from gnuplot (5.4 or later) only sh, cat, head, grep, date
# and awk are needed; where the command memlog is installed it reads the log, which
# is faster. Everything is in this one file, so that it can be copied anywhere.
# memlog plot draws with it too.
# What gc.plot needs too stands in both, between lines that say so.

memlog_script = "mem.plot"
memlog_topic  = "memory over time"
memlog_suffix = ""

# --- the same in mem.plot and gc.plot: begin

# The encoding stays as gnuplot finds it: in a C locale `set encoding` complains,
# and the picture terminals take UTF-8 all the same.

# --- helpers -------------------------------------------------------------

# TEXT as one word for the shell: quotes and blanks in file names are common.
# By halves, for gnuplot's functions nest to a depth of some hundred only.
quoted(text) = "'".escaped(text)."'"
escaped(text) = strlen(text) < 2 ? (text eq "'" ? "'\\''" : text) : \
  escaped(text[1:strlen(text) / 2]).escaped(text[strlen(text) / 2 + 1:*])

# Does the shell's test(1) hold? An empty answer is a yes.
shell_test(condition) = system("test ".condition." || echo no") eq ""

# Bytes for people, in steps of 2^10 and three digits.
unit_name(i) = word("B KiB MiB GiB TiB PiB EiB", i + 1)
unit_of(b) = b < 1024 ? 0 : b < 1024.**2 ? 1 : b < 1024.**3 ? 2 : \
  b < 1024.**4 ? 3 : b < 1024.**5 ? 4 : b < 1024.**6 ? 5 : 6
digits(v) = v == floor(v) || v >= 99.95 ? "%.0f" : v >= 9.995 ? "%.1f" : "%.2f"
bytes_in(b, i) = sprintf(digits(b / 1024.**i)." %s", b / 1024.**i, unit_name(i))
bytes(b) = bytes_in(b, unit_of(b))

greater(a, b) = a > b ? a : b

# --- what is asked for ---------------------------------------------------

memlog_log    = exists("ARG1") && strlen(ARG1) ? ARG1 : "memory.log"
memlog_format = exists("ARG2") && strlen(ARG2) ? ARG2 : ""
memlog_out    = exists("ARG3") && strlen(ARG3) ? ARG3 : ""

if (strlen(memlog_format) && \
    !(strlen(memlog_format) < 6 && strstrt(" png svg pdf dumb sixel ", " ".memlog_format." "))) {
  print "memlog: unknown format '".memlog_format."': png, svg, pdf, dumb and sixel are known"
  exit status 1
}

# memlog plot has read the log already.
memlog_read = !exists("memlog_blocks")
if (memlog_read && shell_test("-d ".quoted(memlog_log))) {
  print "memlog: ".memlog_log." is a directory, not a log"
  exit status 1
}
if (memlog_read && !shell_test("-e ".quoted(memlog_log))) {
  print "memlog: no log ".memlog_log." here: run a program that writes one, or name it (gnuplot -c ".memlog_script." LOG png)"
  exit status 1
}
if (memlog_read && !shell_test("-r ".quoted(memlog_log))) {
  print "memlog: cannot read ".memlog_log
  exit status 1
}

# LOG with its ending changed. A dot in a folder's name or at the head of a
# file's is no ending. The suffix keeps the pictures of one log apart; a name
# that ends with it gets no second one.
if (memlog_out eq "" && strstrt("png svg pdf", memlog_format) && memlog_format ne "") {
  dot = 0
  slash = 0
  do for [i = 1:strlen(memlog_log)] {
    if (memlog_log[i:i] eq "/") { slash = i }
    if (memlog_log[i:i] eq "." && i > slash + 1) { dot = i }
  }
  stem = dot > slash ? memlog_log[1:dot - 1] : memlog_log
  tail = strlen(stem) - strlen(memlog_suffix)
  if (tail < 1 || stem[tail + 1:*] ne memlog_suffix) { stem = stem.memlog_suffix }
  memlog_out = stem.".".memlog_format
}
if (memlog_out eq "-") { memlog_out = "/dev/stdout" }

if (memlog_out ne "" && memlog_read) {
  if (shell_test(quoted(memlog_out)." -ef ".quoted(memlog_log))) {
    print "memlog: the picture would overwrite the log ".memlog_log
    exit status 1
  }
  if (system("f=".quoted(memlog_out)."; d=.; case $f in */*) d=${f%/*}/;; esac; ". \
             "if test -e \"$f\"; then test -w \"$f\" && test ! -d \"$f\"; else test -d \"$d\" && test -w \"$d\"; fi || echo no") ne "") {
    print "memlog: cannot write ".memlog_out
    exit status 1
  }
}

# --- where to draw -------------------------------------------------------

# Without a display gnuplot either has no terminal at all, or keeps a window
# terminal that could only fail.
if (memlog_format eq "") {
  windowless = system('echo "$DISPLAY$WAYLAND_DISPLAY"') eq "" && GPVAL_SYSNAME eq "Linux"
  if (GPVAL_TERM eq "unknown" || GPVAL_TERM eq "dumb" || \
      (windowless && strstrt(" qt wxt x11 ", " ".GPVAL_TERM." "))) { memlog_format = "dumb" }
}
has_terminal(name) = strstrt(" ".GPVAL_TERMINALS." ", " ".name." ") > 0

text_only = memlog_format eq "dumb"
font_face = "DejaVu Sans"
if (!exists("memlog_width")) { memlog_width = 1200 }
if (!exists("memlog_height")) { memlog_height = 600 }
columns = memlog_width / 8
rows = memlog_height / 12

if (memlog_format eq "" && GPVAL_TERM eq "qt") { set terminal qt size memlog_width,memlog_height font font_face.",11" }
if (memlog_format eq "" && GPVAL_TERM eq "wxt") { set terminal wxt size memlog_width,memlog_height font font_face.",11" }
# Lines are joined round: a mitred joint would stand out beyond a spike's value, by five times the
# line's width, and with samples left out there are other joints.
if (memlog_format eq "png") {
  if (has_terminal("pngcairo")) {
    set terminal pngcairo rounded size memlog_width,memlog_height font font_face.",11" background rgb "white"
  } else {
    set terminal png rounded size memlog_width,memlog_height
  }
}
if (memlog_format eq "svg") {
  set terminal svg rounded size memlog_width,memlog_height font "sans-serif,14" background rgb "white"
}
if (memlog_format eq "pdf") {
  if (!has_terminal("pdfcairo")) {
    print "memlog: this gnuplot has no pdfcairo terminal; png and svg can do without"
    exit status 1
  }
  set terminal pdfcairo rounded size memlog_width / 96. in,memlog_height / 96. in font font_face.",11" background rgb "white"
}
if (memlog_format eq "sixel") {
  if (!has_terminal("sixelgd")) {
    print "memlog: this gnuplot has no sixelgd terminal; dumb draws with characters"
    exit status 1
  }
  set terminal sixelgd size memlog_width,memlog_height font "DejaVuSans,10" background rgb "white"
}
if (text_only) {
  # Shells rarely export the size, so ask the terminal where they did not.
  screen = system('s=$({ stty size </dev/tty; } 2>/dev/null); '. \
                  'for n in "${LINES:-${s% *}}" "${COLUMNS:-${s#* }}"; do '. \
                  'case $n in ""|*[!0-9]*|?????*) n=0;; esac; echo $n; done')
  rows    = int(real(word(screen, 1).".0"))
  columns = int(real(word(screen, 2).".0"))
  # Two lines stay for the prompt.
  rows    = rows < 16 ? 22 : rows > 200 ? 200 : rows - 2
  columns = columns < 40 ? 79 : columns > 400 ? 400 : columns - 1
  set terminal dumb size columns, rows
}

# What is left of them between the margins, for words beside curves.
inner_columns = columns < 36 ? columns / 2. : columns - 18

# --- the same in mem.plot and gc.plot: end

# --- reading the log -----------------------------------------------------
#
# The command memlog, where it is installed, reads a long log many times as
# fast as awk does, and tells the same. It may be one that knows no plot.
#
# One awk program reads the log twice: first for the extremes, the header and
# the events, then for the samples, thinned to what the picture can show. Its
# output is gnuplot's own language, with everything that is text in the log
# kept inside data blocks, where nothing is ever executed.
#
# No number from the log passes through awk's printf: mawk's %d stops at 2^31.

$memlog_reader << END_OF_READER
# --- the same in mem.plot and gc.plot: begin
function is_sample() {
  return $1 ~ /^[0-9]+([.][0-9]+)?$/ && $2 ~ /^[0-9]+$/ && $3 ~ /^[0-9]+$/ && \
    length($0) < 4096 && length($1) < 24 && length($2) < 20 && length($3) < 20 && \
    $NF != "?" && $3 + 0 >= $2 + 0
}
# A number as gnuplot should read it: no octal, no integer that overflows.
function real(s) { sub(/^0+/, "", s); return (s ~ /^[.]|^$/ ? "0" s : s) (s ~ /[.]/ ? "" : ".0") }

# Text fit for every terminal: valid UTF-8 without control characters.
function clean(s, max,   is_whole) {
  gsub(/[\001-\037\177]|\302[\200-\237]|\330\234|\342\200[\216\217\250-\256]|\342\201[\246-\251]/, " ", s)
  sub(/^ +/, "", s)
  sub(/ +$/, "", s)
  if (s !~ /^([\001-\177]|[\302-\337][\200-\277]|[\340-\357][\200-\277][\200-\277]|[\360-\364][\200-\277][\200-\277][\200-\277])*$/)
    gsub(/[\200-\377]/, "?", s)
  if (length(s) > max) {
    is_whole = substr(s, max + 1, 1) !~ /[\200-\277]/
    s = substr(s, 1, max)
    if (!is_whole) sub(/[\300-\377][\200-\277]*$/, "", s)
    s = s "..."
  }
  return s
}
function width(s) { gsub(/[\200-\277]/, "", s); return length(s) }

function duration(s) {
  if (s < 10) return sprintf("%.3g s", s)
  if (s < 60) return sprintf("%.0f s", s)
  s = int(s + 0.5)
  if (s < 3600) return int(s / 60) " min" (s % 60 ? " " s % 60 " s" : "")
  s = int(s / 60 + 0.5)
  if (s < 1440) return int(s / 60) " h" (s % 60 ? " " s % 60 " min" : "")
  s = int(s / 60 + 0.5)
  return int(s / 24) " d" (s % 24 ? " " s % 24 " h" : "")
}

# A run that goes on in another file says its header again, without the blank line of a new one.
{ was_blank = is_blank; is_blank = /^[ \t\r]*$/ }
/^# memlog / { if ($0 == header && !was_blank) next; header = $0 }

# At a header the run before ends: end_run() does what the script itself keeps.
function header_line(   s) {
  end_run()
  pid = match($0, / pid=[0-9]+/) ? substr($0, RSTART + 5, RLENGTH - 5) : ""
  reason = ""
  oom = 0
  command = ""
  if (match($0, / command=".*"/)) {
    command = substr($0, RSTART + 10, RLENGTH - 11)
    gsub(/\\"/, "\"", command)
    gsub(/\\\\/, "\\", command)
    # The folders of a full path would fill the heading.
    sub(/^\/[^ ]*\//, "", command)
    if (!(command in seen)) {
      seen[command] = 1
      commands = commands (commands == "" ? "" : ", ") clean(command, 54)
    }
  }
}
function end_line() {
  if (match($0, /reason=[A-Za-z0-9_]+/)) {
    reason = substr($0, RSTART + 7, RLENGTH - 7)
    oom = $0 ~ /oom_kill=[1-9]/
  }
}
function print_words() {
  print "$memlog_text << END_OF_BLOCK"
  print "command " clean(commands, 54)
  print "pid " pid
  print "span " duration(tmax - tmin)
  # Who only watched does not know how.
  if (reason ~ /^(exit|gone|detached)$/) reason = oom ? "the kernel" : ""
  print "end " reason (oom ? " (out of memory)" : "")
  print "END_OF_BLOCK"
}
# --- the same in mem.plot and gc.plot: end

# Of a process without memlog (memlog attach) a run has other columns: rss pss swap. pss is
# drawn as what is in use, rss as what it has of the system. The two were read one after
# the other, and "-" was not to be read.
function columns_line() {
  resident = $3 == "rss"
  is_other = !resident && ($3 != "Alloc" || $4 != "Sys")
  if (pass == 1 && !resident) has_heap = 1
}
function take_resident(   rss, pss) {
  if ($NF == "?" || $2 !~ /^[0-9]+$/) return
  rss = $2
  pss = $3 ~ /^[0-9]+$/ ? $3 : rss
  if (pass == 1) { has_rss = 1; if (pss == $3) has_pss = 1 }
  $0 = $1 " " pss " " (pss + 0 > rss + 0 ? pss : rss)
}

# A run ends at a blank line or at the next header.
function end_run() {
  if (run_samples == 1) single[++singles] = real(last) " " real(last_alloc) " " real(last_sys)
  close_limit(last)
  run_samples = 0
  last = ""
  pending_marks = marks
  limit = pending_limit = ""
}
function close_limit(t) {
  if (limit != "" && t != "" && t + 0 > limit_from + 0) {
    limits++
    limit_t0[limits] = limit_from; limit_t1[limits] = t; limit_v[limits] = limit
  }
  limit = ""
}
function open_limit(t, v) {
  if (v == limit) return
  close_limit(t)
  if (v + 0 > 0) { limit = v; limit_from = t }
}

# Events stand at the sample before them, or at the first one.
function add_mark(kind, name) {
  marks++
  mark_kind[marks] = kind
  mark_name[marks] = clean(name, 32)
  mark_t[marks] = last
  if (last != "") pending_marks = marks
}
function event_line(   s) {
  if ($2 == "memlog") header_line()
  else if ($2 == "mark" && NF >= 3) {
    s = $0
    sub(/^# *mark +/, "", s)
    add_mark("mark", s)
  } else if ($2 == "alert" && $4 ~ /^value=/) add_mark("alert", $3)
  else if ($2 == "limit" && $3 ~ /^[0-9]+$/ && length($3) < 20 && NF == 3) {
    if (last != "") open_limit(last, $3)
    else pending_limit = $3
  } else if ($2 == "end") end_line()
}
# Extremes are kept twice: as numbers, to compare, and as written, to print.
function count_sample(   i, t, a, s) {
  if (!run_samples++) runs++
  n++
  last = $1; last_alloc = $2; last_sys = $3
  for (i = pending_marks + 1; i <= marks; i++) mark_t[i] = $1
  pending_marks = marks
  if (pending_limit != "") { open_limit($1, pending_limit); pending_limit = "" }
  t = $1 + 0; a = $2 + 0; s = $3 + 0
  if (n == 1 || t < tmin_n) { tmin = $1; tmin_n = t }
  if (n == 1 || t > tmax_n) { tmax = $1; tmax_n = t }
  if (n == 1 || a > alloc_n) { alloc = $2; alloc_n = a; alloc_t = $1 }
  if (n == 1 || s > sys_n) { sys = $3; sys_n = s }
}

# Label of each mark: the first of three lines of text where it is free, right
# of the mark or, near the end, left of it; none where all three are taken.
# Marks come in the order of time within a run. One without a label a pixel or
# less from the one before is not seen, and ten thousand take gnuplot minutes.
function print_marks(   i, f, w, r, left, lanes, span, drawn) {
  print "$memlog_marks << END_OF_BLOCK"
  span = tmax_n - tmin_n
  lanes = 0
  for (i = 1; i <= marks; i++) {
    if (mark_t[i] == "") continue
    f = span > 0 ? (mark_t[i] - tmin) / span : 0
    w = (width(mark_name[i]) + 1.5) / inner_columns
    left = f + w > 1
    for (r = 1; r <= 3; r++)
      if ((left ? f - w : f) >= lane_end[r]) break
    if (r <= 3) {
      lane_end[r] = left ? f : f + w
      if (r > lanes) lanes = r
    }
    if (r > 3 && f >= drawn && f - drawn < 1 / 1200) continue
    drawn = f
    print real(mark_t[i]), r, mark_kind[i], (left ? "right" : "left"), mark_name[i]
  }
  print "END_OF_BLOCK"
  print "memlog_lanes = " lanes
}

# Those that nothing to be seen is between become one, if they are the same, or shorter than a pixel:
# then the lowest. Ten thousand lines take gnuplot minutes.
function print_limits(   i, pixel, some, between, is_next, are_short) {
  print "$memlog_limits << END_OF_BLOCK"
  pixel = (tmax_n - tmin_n) / 1200
  some = 0
  for (i = 1; i <= limits; i++) {
    between = limit_t0[i] - limit_t1[some]
    is_next = some && (between == 0 || (between > 0 && between < pixel))
    are_short = limit_t1[i] - limit_t0[i] < pixel && limit_t1[some] - limit_t0[some] < pixel
    if (is_next && (are_short || limit_v[i] + 0 == limit_v[some] + 0)) {
      limit_t1[some] = limit_t1[i]
      if (limit_v[i] + 0 < limit_v[some] + 0) limit_v[some] = limit_v[i]
      continue
    }
    if (some) print real(limit_t0[some]), real(limit_t1[some]), real(limit_v[some])
    some = i
  }
  if (some) print real(limit_t0[some]), real(limit_t1[some]), real(limit_v[some])
  print "END_OF_BLOCK"
}

function print_summary(   i) {
  end_run()
  print "memlog_n = " n + 0
  print "memlog_runs = " runs + 0
  if (!n) return
  print "memlog_t0 = " real(tmin)
  print "memlog_t1 = " real(tmax)
  print "memlog_alloc = " real(alloc)
  print "memlog_alloc_t = " real(alloc_t)
  print "memlog_sys = " real(sys)
  print "memlog_kind = " (!has_rss ? 0 : has_heap ? 1 : has_pss ? 2 : 3)
  print_words()
  print_limits()
  print "$memlog_singles << END_OF_BLOCK"
  for (i = 1; i <= singles; i++) print single[i]
  print "END_OF_BLOCK"
  print_marks()
}

# Thinning: of each bin of time the first, the last, the lowest and the highest
# of both curves stay, in their order, so the picture is the same to the pixel.
function keep_sample(   line, t, a, s, b, i) {
  line = $1 " " $2 " " $3
  if (!thin) { print line; return }
  t = $1 + 0; a = $2 + 0; s = $3 + 0
  b = int((t - tmin_n) * bins_per_second)
  if (b != bin || !in_bin) {
    flush_bin()
    bin = b
    in_bin = 1
    for (i = 1; i <= 5; i++) { at[i] = n2; text[i] = line }
    lo_a = hi_a = a
    lo_s = hi_s = s
  } else {
    if (a < lo_a) { lo_a = a; at[2] = n2; text[2] = line }
    if (a > hi_a) { hi_a = a; at[3] = n2; text[3] = line }
    if (s < lo_s) { lo_s = s; at[4] = n2; text[4] = line }
    if (s > hi_s) { hi_s = s; at[5] = n2; text[5] = line }
  }
  at_end = n2; text_end = line
}
function flush_bin(   i, done, best) {
  if (!in_bin) return
  at[6] = at_end; text[6] = text_end
  done = 0
  for (;;) {
    best = 0
    for (i = 1; i <= 6; i++) if (at[i] > done && (!best || at[i] < at[best])) best = i
    if (!best) break
    print text[best]
    done = at[best]
  }
  in_bin = 0
}
function gap() {
  if (!since_gap) return
  flush_bin()
  print ""
  since_gap = 0
}

BEGIN { pass = 1 }
{ sub(/\r$/, "") }
pass == 1 && $0 == second_pass {
  print_summary()
  pass = 2
  thin = n > 18000 && tmax_n > tmin_n
  if (thin) bins_per_second = 3000 / (tmax_n - tmin_n)
  print "$memlog_data << END_OF_BLOCK"
  next
}
/^[ \t]*$/ { if (pass == 1) end_run(); else gap(); next }
/^# timestamp / { columns_line(); next }
resident && !/^#/ { take_resident() }
/^#/ {
  if (pass == 1) event_line()
  else if ($2 == "memlog") gap()
  next
}
# The log may have grown since the first pass: the picture keeps to its samples.
!is_other && is_sample() {
  if (pass == 1) count_sample()
  else if (n2 < n) { n2++; since_gap++; keep_sample() }
}
END {
  flush_bin()
  print "END_OF_BLOCK"
}
END_OF_READER

memlog_n = -1
if (memlog_read) {
  load sprintf("< memlog plot --gnuplot-data --width=%d -- ", 8 * columns).quoted(memlog_log)." 2>/dev/null"
} else {
  load memlog_blocks
}

# --- the same in mem.plot and gc.plot: begin

if (memlog_n < 0) {
  reader = ""
  do for [i = 1:|$memlog_reader|] { reader = reader.$memlog_reader[i]."\n" }

  # A last line without its newline was cut: " ?" behind it marks it as such, as
  # the next run of the program would have, and is no sample where nothing was cut.
  memlog_once = "cat < ".quoted(memlog_log)."; echo ' ?'; "
  # A run that began in LOG.1, which was put aside for its size, is drawn as a whole.
  memlog_aside = quoted(memlog_log.".1")
  if (system("{ header=$(head -c 4096 < ".quoted(memlog_log)." | head -n 1); case $header in '# memlog '*) ". \
             "test -f ".memlog_aside." && grep -qxF -e \"$header\" < ".memlog_aside." && echo yes;; esac; } 2>/dev/null") eq "yes") {
    memlog_once = "cat < ".memlog_aside."; echo ' ?'; ".memlog_once
  }
  memlog_between = "=== second pass ==="
  load "< { ".memlog_once."echo ".quoted(memlog_between)."; ".memlog_once."} | LC_ALL=C awk". \
    sprintf(" -v inner_columns=%g -v second_pass=", inner_columns).quoted(memlog_between)." ".quoted(reader)
}
if (memlog_n < 0) {
  print "memlog: awk could not read ".memlog_log
  exit status 1
}

# --- the same in mem.plot and gc.plot: end

if (memlog_n < 1) {
  print "memlog: ".memlog_log." has no samples"
  exit status 1
}

# --- the same in mem.plot and gc.plot: begin

# --- words ---------------------------------------------------------------

memlog_command = substr($memlog_text[1], 9, -1)
memlog_pid     = substr($memlog_text[2], 5, -1)
memlog_span    = substr($memlog_text[3], 6, -1)
memlog_end     = substr($memlog_text[4], 5, -1)

# gnuplot knows no time zone: its axes are UTC. So the offset that was in force
# at the first sample is added to every time, and the axis says which it is.
zone = system(sprintf("s=%.0f; date -d @$s '+%%z %%Z' 2>/dev/null || date -r $s '+%%z %%Z' 2>/dev/null || echo +0000 UTC", floor(memlog_t0)))
zone_digits = word(zone, 1)
if (strlen(zone_digits) != 5) { zone_digits = "+0000"; zone = "+0000 UTC" }
zone_name = word(zone, 2)
# Zones without letters are called by their offset, as -03.
if (zone_name eq "" || strstrt("+-", zone_name[1:1])) {
  zone_name = "UTC".zone_digits[1:3].":".zone_digits[4:5]
}
offset = (zone_digits[1:1] eq "-" ? -1 : 1) * \
  (3600 * real(zone_digits[2:3].".0") + 60 * real(zone_digits[4:5].".0"))

t0 = memlog_t0 + offset
t1 = memlog_t1 + offset
# Two samples within a second of a log of whole seconds: give them some room.
if (t1 <= t0) { t0 = t0 - 0.5; t1 = t1 + 0.5 }
span = t1 - t0

separator = text_only || GPVAL_TERM eq "x11" ? ", " : "  ·  "
heading = memlog_command ne "" ? memlog_command : memlog_topic
details = (memlog_runs > 1 ? sprintf("%d runs", memlog_runs).separator : \
           memlog_pid ne "" ? "pid ".memlog_pid.separator : ""). \
          strftime("%Y-%m-%d %H:%M:%S", floor(memlog_t0) + offset).separator.memlog_span
if (memlog_end ne "" && memlog_end ne " ") { details = details.separator."ended by ".memlog_end }

# --- the time axis -------------------------------------------------------

set xrange [t0:t1]

# Steps that divide the clock, as many as the width has room for.
tics_wanted = text_only ? columns / 12. : 10
xstep = 0
do for [s in "0.0001 .001 .002 .005 .01 .02 .05 .1 .2 .5 1 2 5 10 15 30 60 120 300 600 900 1800 3600 7200 10800 21600 43200 86400 172800 604800 1209600"] {
  if (xstep == 0 && span / real(s) <= tics_wanted) { xstep = real(s) }
}
second_digits = xstep >= 1 ? 0 : xstep >= 0.1 ? 1 : xstep >= 0.01 ? 2 : xstep >= 0.001 ? 3 : 4
xformat = xstep == 0 ? "%Y-%m-%d" : \
  xstep >= 86400 ? "%b %d" : \
  span > 86400 ? (text_only ? "%d %H:%M" : "%H:%M\n%b %d") : \
  xstep >= 60 ? "%H:%M" : \
  second_digits == 0 ? "%H:%M:%S" : sprintf("%%H:%%M:%%.%dS", second_digits)
if (xstep > 0) {
  # Weeks begin on a Monday, and 1970 began on a Thursday.
  first_tic = xstep >= 604800 ? 345600 : 0
  first_tic = first_tic + xstep * floor((t0 - first_tic) / xstep)
  # A hair later, for labels are cut, not rounded: 0.99999 would read 0.9. The
  # axis ends a hair later too, or a tic at its end would be lost.
  set xtics first_tic + 0.0001 * xstep, xstep
  set xrange [t0:t1 + 0.0002 * xstep]
  unset mxtics
}
set xtics time format xformat
set xlabel "time (".zone_name.")" noenhanced

# --- the same in mem.plot and gc.plot: end

# --- the bytes' axis ------------------------------------------------------

top = greater(memlog_alloc, memlog_sys)
unit = unit_of(top)
scale = 1024.**unit

# The other curve's height over the peak of the memory in use, where the peak's
# value will be written.
MEMLOG_NEAR_min = MEMLOG_NEAR_max = memlog_alloc
stats $memlog_data using (abs($1 - memlog_alloc_t) <= 0.06 * span && $3 == $3 ? 1 : 0) name "MEMLOG_HAS" nooutput
if (MEMLOG_HAS_max > 0) {
  stats $memlog_data using (abs($1 - memlog_alloc_t) <= 0.06 * span ? $3 : NaN) name "MEMLOG_NEAR" nooutput
}

# --- room above the curves -------------------------------------------------

# A limit is drawn where it leaves the curves at least two fifths of the height;
# one further up is only told, else it would press them flat.
limit_reach = 2.5 * top
far_limit = 0
do for [i = 1:|$memlog_limits|] {
  b = real(word($memlog_limits[i], 3))
  if (b <= limit_reach) { top = greater(top, b) } else { far_limit = b }
}
if (far_limit > 0) { details = details.separator."limit ".bytes(far_limit)." (above the picture)" }

# Room above the curves: for the peak's value, and for the names of marks.
lane = text_only ? 1. / (rows - 9) : 0.044 * 600 / memlog_height
room = (text_only ? 2 * lane : 0.065 * 600 / memlog_height) + lane * memlog_lanes
ymax = top > 0 ? top / scale / (1 - (room < 0.6 ? room : 0.6)) : 1

set yrange [0:ymax]
set format y "%g ".unit_name(unit)

# --- the same in mem.plot and gc.plot: begin

# --- looks ---------------------------------------------------------------

colour_alloc = 0x2f6fb3
colour_sys   = 0xd9822b
colour_limit = 0xb3261e
colour_text  = 0x333333
colour_faint = 0x777777
fraction(t) = (t + offset - t0) / span

set style fill transparent solid 0.22 noborder
set style textbox opaque margins 0.6, 0.4 fillcolor rgb 0x30ffffff noborder

if (text_only) {
  set title heading."\n".details noenhanced
  set tics nomirror
  set border 3
} else {
  set lmargin 11
  set rmargin 5.5
  set border 3 linecolor rgb colour_faint
  set tics nomirror out scale 0.5 textcolor rgb colour_text
  set grid linetype 1 linewidth 0.5 linecolor rgb 0xe4e4e4
  set xlabel textcolor rgb colour_faint
  # The key shares the heading's line: a long command is written smaller. The
  # svg terminal knows no bold face outside enhanced text, and guesses widths.
  long_heading = strlen(heading) > 42
  heading_font = memlog_format eq "svg" ? (long_heading ? "sans-serif,14" : "sans-serif,18") : \
    font_face.(long_heading ? ",11" : ":Bold,13")
  set label 1 heading at graph 0, graph 1 offset 0, 2.5 left noenhanced \
    font heading_font textcolor rgb 0x222222
  set label 2 details at graph 0, graph 1 offset 0, 1.0 left noenhanced textcolor rgb colour_faint
}

# --- the same in mem.plot and gc.plot: end

# --- the key, the peak -----------------------------------------------------

if (text_only) {
  set key below
} else {
  set tmargin 4.6
  set key horizontal Left reverse samplen 2 textcolor rgb colour_text
  if (memlog_width < 1000) {
    set key bmargin center
  } else {
    set key at graph 1, graph 1 + 0.055 * 600 / memlog_height bottom right
  }
  if (memlog_format eq "svg") { set key width -4 }
}

# Dense curves are clearer with a thin line.
curve_width = memlog_n > 2000 ? 1.2 : 2

# The peak of the memory in use. Its value stands above the point, or above the
# other curve where that runs through the text; near an edge beside the point.
if (memlog_alloc > 0) {
  f = fraction(memlog_alloc_t)
  label_y = ((MEMLOG_NEAR_min - memlog_alloc) / scale < 0.085 * ymax ? MEMLOG_NEAR_max : memlog_alloc) / scale
  peak = "peak ".bytes(memlog_alloc)
  set label 3 at memlog_alloc_t + offset, memlog_alloc / scale "" \
    point pointtype 7 pointsize 0.9 linecolor rgb colour_alloc front
  if (f < 0.08) {
    set label 4 peak noenhanced at memlog_alloc_t + offset, label_y left
  } else { if (f > 0.92) {
    set label 4 peak noenhanced at memlog_alloc_t + offset, label_y right
  } else {
    set label 4 peak noenhanced at memlog_alloc_t + offset, label_y center
  }}
  set label 4 offset (f < 0.08 ? 0.6 : f > 0.92 ? -0.6 : 0), (text_only ? 1 : 0.95) front
  if (!text_only) { set label 4 boxed textcolor rgb colour_alloc }
}

tag = 10

# A run of a single sample has no curve: two dots say that it was there.
do for [i = 1:|$memlog_singles|] {
  x = real(word($memlog_singles[i], 1)) + offset
  set label tag "" at x, real(word($memlog_singles[i], 2)) / scale \
    point pointtype 7 pointsize 0.5 linecolor rgb colour_alloc
  set label tag + 1 "" at x, real(word($memlog_singles[i], 3)) / scale \
    point pointtype 7 pointsize 0.5 linecolor rgb colour_sys
  tag = tag + 2
}

# --- marks and limits ------------------------------------------------------

# Marks and alerts: a line over the whole height, the name in the room above the curves.
do for [i = 1:|$memlog_marks|] {
  x = real(word($memlog_marks[i], 1)) + offset
  lane_number = int(word($memlog_marks[i], 2))
  event_colour = word($memlog_marks[i], 3) eq "alert" ? colour_limit : colour_faint
  side = word($memlog_marks[i], 4)
  name = $memlog_marks[i]
  name = name[strstrt(name, " ".side." ") + strlen(side) + 2:*]
  set arrow tag from x, graph 0 to x, graph 1 nohead linewidth 1 dashtype 3 linecolor rgb event_colour back
  if (lane_number <= 3) {
    y = 1 - lane * (lane_number - 0.5)
    if (side eq "right") {
      set label tag name at x, graph y right offset -0.5, 0 noenhanced textcolor rgb event_colour front
    } else {
      set label tag name at x, graph y left offset 0.5, 0 noenhanced textcolor rgb event_colour front
    }
  }
  tag = tag + 1
}

# Limits, each for the time it was in force, with a step to the next; the words where the last
# ones leave them room.
step_x = step_b = -1
words_end = -1.
do for [i = 1:|$memlog_limits|] {
  b = real(word($memlog_limits[i], 3))
  if (b <= limit_reach) {
    x = real(word($memlog_limits[i], 1)) + offset
    x_end = real(word($memlog_limits[i], 2)) + offset
    set arrow tag from x, b / scale to x_end, b / scale nohead \
      linewidth 1.5 dashtype 2 linecolor rgb colour_limit front
    # Characters have no layers to look through: there the words win.
    if (text_only) { set arrow tag back }
    limit_text = "limit ".bytes(b)
    f = fraction(x - offset)
    words_width = (strlen(limit_text) + 1.5) / inner_columns
    if (f >= words_end) {
      words_end = f + words_width
      if (words_end <= 1) {
        set label tag limit_text at x, b / scale left offset 0.5, 0.6 noenhanced \
          textcolor rgb colour_limit front
      } else {
        set label tag limit_text at t1, b / scale right offset -0.5, 0.6 noenhanced \
          textcolor rgb colour_limit front
      }
    }
    tag = tag + 1
    if (x == step_x) {
      set arrow tag from x, step_b / scale to x, b / scale nohead \
        linewidth 1.5 dashtype 2 linecolor rgb colour_limit front
      if (text_only) { set arrow tag back }
      tag = tag + 1
    }
    step_x = x_end
    step_b = b
  }
}

# --- the picture ---------------------------------------------------------

if (memlog_out ne "") { set output memlog_out }

# What the curves are: memlog's numbers, those and the system's, the system's, rss alone.
array kind_alloc[4] = ["in use (Alloc)", "in use (Alloc, pss)", "proportional (pss)", "resident (rss)"]
array kind_sys[4]   = ["system (Sys)", "system (Sys, rss)", "resident (rss)", ""]
title_alloc = kind_alloc[memlog_kind + 1].", peak ".bytes(memlog_alloc)
title_sys   = memlog_kind == 3 ? "" : kind_sys[memlog_kind + 1].", peak ".bytes(memlog_sys)

if (text_only) {
  plot $memlog_data using ($1 + offset):($3 / scale) with lines title title_sys, \
       $memlog_data using ($1 + offset):($2 / scale) with lines title title_alloc
} else {
  plot $memlog_data using ($1 + offset):($2 / scale) with filledcurves y1=0 linecolor rgb colour_alloc notitle, \
       $memlog_data using ($1 + offset):($3 / scale) with lines linewidth curve_width linecolor rgb colour_sys title title_sys, \
       $memlog_data using ($1 + offset):($2 / scale) with lines linewidth curve_width linecolor rgb colour_alloc title title_alloc
}
unset output
