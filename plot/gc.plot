# SPDX-License-Identifier: MIT
#
# gc.plot: draws the collections of a memlog log: what each did to the heap, and
# how long it stopped the program. The log of a program that ran with
# MEMLOG_LOG_GC=1 has a line for each.
#
#   gnuplot -p gc.plot                      memory.log in a window, or in this
#                                           terminal where there is no display
#   gnuplot -p -c gc.plot LOG               the same for another log
#   gnuplot -c gc.plot LOG png [PICTURE]    a picture; also svg, pdf. PICTURE is
#                                           LOG with -gc and the ending unless
#                                           given; "-" is the standard output
#   gnuplot -c gc.plot LOG dumb [TEXT]      characters, on the standard output
#                                           unless a file is given
#
# Where a run began in LOG.1, which was put aside for its size, that is drawn too.
# A log that cannot be drawn is one line on the standard error, exit status 1,
# and no picture. Apart from gnuplot (5.4 or later) only sh, cat, head, grep, date
# and awk are needed. Everything is in this one file, so that it can be copied
# anywhere.
# What mem.plot needs too stands in both, between lines that say so.

memlog_script = "gc.plot"
memlog_topic  = "collections over time"
memlog_suffix = "-gc"

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
# One awk program reads the log twice: first for the extremes and the header,
# then for the collections, thinned to what the picture can show. Its output is
# gnuplot's own language, with everything that is text in the log kept inside
# data blocks, where nothing is ever executed.
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

function number(s) { return s ~ /^[0-9]+$/ && length(s) <= 20 }

# A collection's line: its values by their names, into v. Is it whole?
function read_values(   i, e) {
  split("", v)
  if ($3 !~ /^[0-9]+$/ || $NF == "?" || length($0) >= 4096) return
  for (i = 4; i <= NF; i++)
    if ((e = index($i, "="))) v[substr($i, 1, e - 1)] = substr($i, e + 1)
}
function is_collection() {
  if (!number(v["stand"])) v["stand"] = 0
  return v["end"] ~ /^[0-9]+([.][0-9]+)?$/ && length(v["end"]) < 24 && \
    v["how"] ~ /^[a-z]+$/ && number(v["before"]) && number(v["live"]) && \
    number(v["goal"]) && number(v["longest"])
}

# Each time in the log, a sample's or a collection's: the picture spans them all.
# A gap, where lines are missing, reaches from the time before it to the next.
function see_time(s,   t) {
  t = s + 0
  if (tmin == "" || t < tmin_n) { tmin = s; tmin_n = t }
  if (tmax == "" || t > tmax_n) { tmax = s; tmax_n = t }
  if (first == "") { runs++; first = t; latest = t }
  if (t > latest) latest = t
  if (gap_open) close_gap(s)
  last = s
}
function close_gap(t) {
  gaps++
  gap_t0[gaps] = last == "" ? t : last
  gap_t1[gaps] = t
  gap_open = 0
}
function end_run() {
  if (gap_open && last != "") close_gap(last)
  if (first != "") wall += latest - first
  first = last = ""
  gap_open = 0
}

# Extremes are kept twice: as numbers, to compare, and as written, to print.
function count_collection(   l, b, g) {
  see_time(v["end"])
  n++
  alongs += v["how"] == "along"
  if (number(v["cpu"])) cpu += v["cpu"] / 1e9
  l = pauses[n] = v["longest"] + 0
  g = v["goal"] + 0
  # One far beyond all memory says that none is set.
  if (g < 2 ^ 62 && g > most_goal_n) { most_goal = v["goal"]; most_goal_n = g }
  if (n == 1 || l > longest_n) { longest = v["longest"]; longest_n = l; longest_t = v["end"] }
  least_pause(l)
  least_pause(v["stand"] + 0)
  b = v["before"] + 0 > v["live"] + 0 ? v["before"] : v["live"]
  if (n == 1 || b + 0 > most_heap_n) { most_heap = b; most_heap_n = b + 0 }
}
function least_pause(p) { if (p > 0 && (least == "" || p < least)) least = p }

# The k-th smallest of pauses[1..n], by parting what is left of them in two.
function smallest(k,   lo, hi, i, j, p, t) {
  lo = 1
  hi = n
  while (lo < hi) {
    p = pauses[int((lo + hi) / 2)]
    i = lo
    j = hi
    while (i <= j) {
      while (pauses[i] < p) i++
      while (pauses[j] > p) j--
      if (i <= j) { t = pauses[i]; pauses[i++] = pauses[j]; pauses[j--] = t }
    }
    if (k <= j) hi = j
    else if (k >= i) lo = i
    else break
  }
  return pauses[k]
}

# Gaps that would be one on the screen are one.
function print_gaps(   i, t0, t1, near) {
  near = (tmax_n - tmin_n) / 1000
  print "$memlog_gaps << END_OF_BLOCK"
  for (i = 1; i <= gaps; i++) {
    if (t0 == "" || gap_t0[i] - t1 > near || gap_t0[i] - t0 < 0) {
      if (t0 != "") print real(t0), real(t1)
      t0 = gap_t0[i]
      t1 = gap_t1[i]
    } else if (gap_t1[i] - t1 > 0) t1 = gap_t1[i]
  }
  if (t0 != "") print real(t0), real(t1)
  print "END_OF_BLOCK"
}

function print_summary() {
  end_run()
  print "memlog_n = " n + 0
  print "memlog_missed = " sprintf("%.0f", missed)
  if (!n) return
  print "memlog_runs = " runs
  print "memlog_along = " alongs
  print "memlog_t0 = " real(tmin)
  print "memlog_t1 = " real(tmax)
  print "memlog_heap = " real(most_heap)
  print "memlog_goal = " real(most_goal)
  print "memlog_longest = " real(longest)
  print "memlog_longest_t = " real(longest_t)
  print "memlog_median = " real(sprintf("%.0f", smallest(int((n + 1) / 2))))
  print "memlog_least = " real(sprintf("%.0f", least))
  print "memlog_cpu = " real(sprintf("%.9f", cpu))
  print "memlog_wall = " real(sprintf("%.6f", wall))
  print_words()
  print_gaps()
}

# Thinning: of each bin of time stay, for the upper panel, the first collection,
# the last, and those with the extremes of the heap and of the goal; for the lower
# one pause of each spot that it covers, the longest, and the longest stand.
function keep_collection(   b) {
  if (thin) {
    b = int((v["end"] - tmin_n) * bins_per_second)
    if (b != bin) flush_bin()
    bin = b
  }
  held++
  along = v["how"] == "along"
  upper[held] = v["end"] " " v["before"] " " v["live"] " " v["goal"] " " along
  lower[held] = v["end"] " " v["longest"] " " along
  stand[held] = v["stand"]
  if (thin) {
    drawn[held] = is_new_spot(along, v["longest"])
    extreme(1, v["before"]); extreme(2, -v["live"])
    extreme(3, v["goal"]); extreme(4, -v["goal"])
    extreme(5, v["longest"]); extreme(6, v["stand"])
  } else flush_bin()
}
function is_new_spot(along, p,   s) {
  s = along int(log(p + 1) * 10)
  if (s in covered) return 0
  covered[s] = 1
  return 1
}
function extreme(i, value) {
  if (held == 1 || value + 0 > most[i]) { most[i] = value + 0; at[i] = held }
}
function flush_bin(   i) {
  if (!held) return
  split("", wanted)
  wanted[1] = wanted[held] = 1
  for (i = 1; thin && i <= 4; i++) wanted[at[i]] = 1
  for (i = 1; i <= held; i++) {
    if (i in wanted) heap[++heaps] = upper[i]
    if (!thin || drawn[i] || i == at[5] || i == at[6])
      print lower[i], (!thin || i == at[6] ? stand[i] : 0)
  }
  held = 0
  split("", covered)
}
# A run's last goal holds until its end.
function gap() {
  flush_bin()
  if (goal != "") heap[++heaps] = last " NaN NaN " goal " NaN\n"
  goal = last = ""
}

BEGIN { pass = 1 }
{ sub(/\r$/, "") }
pass == 1 && $0 == second_pass {
  print_summary()
  pass = 2
  thin = n > 2000 && tmax_n > tmin_n
  if (thin) bins_per_second = 1000 / (tmax_n - tmin_n)
  print "$memlog_pauses << END_OF_BLOCK"
  next
}
/^[ \t]*$/ { if (pass == 1) end_run(); else gap(); next }
$1 == "#" && $2 == "gc" {
  read_values()
  # The log may have grown since the first pass: the picture keeps to its collections.
  if (is_collection()) {
    if (pass == 1) count_collection()
    else if (n2 < n) { n2++; last = v["end"]; goal = v["goal"]; keep_collection() }
  } else if (pass == 1 && number(v["missed"])) {
    missed += v["missed"]
    gap_open = 1
  }
  next
}
/^#/ {
  if ($2 == "memlog") { if (pass == 1) header_line(); else gap() }
  else if ($2 == "end" && pass == 1) end_line()
  next
}
is_sample() {
  if (pass == 1) see_time($1)
  else if ($1 + 0 <= tmax_n && $1 + 0 > last + 0) last = $1
}
END {
  gap()
  print "END_OF_BLOCK\n$memlog_heap_data << END_OF_BLOCK"
  for (i = 1; i <= heaps; i++) print heap[i]
  print "END_OF_BLOCK"
}
END_OF_READER
memlog_n = -1

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
  print "memlog: ".memlog_log." has no collections: a program that runs with MEMLOG_LOG_GC=1 writes a line for each"
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

# --- the numbers ---------------------------------------------------------

# A time in nanoseconds for people.
micro = text_only ? "us" : "µs"
pause_in(ns, per, name) = sprintf(digits(ns / per)." %s", ns / per, name)
pause_text(ns) = ns < 1e3 ? pause_in(ns, 1., "ns") : ns < 1e6 ? pause_in(ns, 1e3, micro) : \
  ns < 1e9 ? pause_in(ns, 1e6, "ms") : pause_in(ns, 1e9, "s")

numbers = sprintf("%d collection%s, ", memlog_n, memlog_n == 1 ? "" : "s"). \
  (memlog_along == memlog_n && memlog_n > 1 ? "all" : sprintf("%d", memlog_along))." along". \
  (memlog_missed > 0 ? separator.sprintf("%.0f more without a line", memlog_missed) : "")
shares = "longest pause ".pause_text(memlog_longest).", median ".pause_text(memlog_median)
if (memlog_wall > 0) {
  share = 100. * memlog_cpu / memlog_wall
  shares = shares.separator.sprintf(share < 9.95 ? "%.2g" : "%.0f", share)." % of a CPU"
}

# --- the heap's and the pauses' axes --------------------------------------

# A goal is drawn where it leaves the heap at least two fifths of the height; one
# further up is only told, else it would press that flat.
reach = 2.5 * memlog_heap
goal(b) = b > 0 && b <= reach ? b : NaN
stats $memlog_heap_data using ($4 <= reach ? $4 : 0) name "MEMLOG_GOAL" nooutput
top = greater(1, greater(memlog_heap, MEMLOG_GOAL_max))
unit = unit_of(top)
scale = 1024.**unit
if (memlog_goal > reach) { details = details.separator."goal up to ".bytes(memlog_goal)." (above the picture)" }

# Decades around the pauses, and around a millisecond, from a microsecond on.
decade(ns) = floor(log10(ns))
lowest = decade(memlog_least > 0 ? memlog_least : 1e5)
lowest = lowest < 3 ? 3 : lowest > 5 ? 5 : lowest
highest = decade(greater(memlog_longest, 1) * 1.6) + 1
highest = highest < 7 ? 7 : highest
floor_ns = 10.**lowest
on_axis(ns) = greater(ns, floor_ns)

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

# The same in both panels: how a collection was done.
colour_along   = colour_alloc
colour_stopped = colour_sys
colour_stand   = 0xb8b8b8
colour_of(along) = along ? colour_along : colour_stopped
of(kind, along, value) = kind == along ? value : NaN

# Many are clearer when they are small, and strokes that touch when they are pale,
# so that what is alive at their feet shows. In characters it is an O or an X.
few = memlog_n < 300
stroke_width = few ? 2.5 : 1.2
stroke_colour(along) = few ? colour_of(along) : along ? 0x9dbce0 : 0xefc79a
point_size(along) = (few ? 0.7 : memlog_n < 2000 ? 0.5 : 0.35) * \
  (along ? 1 : 1.3) * (strstrt(" svg pdf ", " ".memlog_format." ") ? 0.7 : 1)
point_type(along) = text_only ? (along ? 15 : 24) : along ? 7 : 9

# Lines of words, the heap, a line of words, the pauses, the time.
upper_top    = text_only ? 1 - 5. / rows : 0.835
upper_bottom = text_only ? 0.5 + 1. / rows : 0.5
lower_top    = text_only ? 0.5 - 1. / rows : 0.425
lower_bottom = text_only ? 3.6 / rows : 0.115

if (text_only) {
  unset title
  words = heading.(strlen(heading.details) + 2 < columns ? separator : "\n").details. \
          "\n".numbers."\n".shares
  set label 1 words at screen 0, screen 1 - 1. / rows left noenhanced
  unset key
} else {
  set label 1 offset 0, 4.1
  set label 2 offset 0, 2.65
  set label 3 numbers.separator.shares at graph 0, graph 1 offset 0, 1.1 left noenhanced \
    textcolor rgb colour_text
  set key at graph 1, graph 1.33 bottom right horizontal Left reverse samplen 2 \
    textcolor rgb colour_text
  # Where lines are missing both panels are shaded.
  do for [i = 1:|$memlog_gaps|] {
    gap_from = real(word($memlog_gaps[i], 1)) + offset
    gap_to   = greater(real(word($memlog_gaps[i], 2)) + offset, gap_from + span / 1000)
    set object i rectangle from gap_from, graph 0 to gap_to, graph 1 behind \
      fillcolor rgb 0xe9e9e9 fillstyle solid noborder
  }
}

# --- the picture ---------------------------------------------------------

if (memlog_out ne "") { set output memlog_out }
set multiplot

set tmargin at screen upper_top
set bmargin at screen upper_bottom
set format x ""
set xlabel ""
set yrange [0:1.06 * top / scale]
set format y "%g ".unit_name(unit)
# Rows of characters are fewer than gnuplot would put numbers beside.
if (text_only) {
  ystep = 10.**floor(log10(top / scale / 2))
  ystep = ystep * (top / scale / ystep > 10 ? 5 : top / scale / ystep > 4 ? 2 : 1)
  set ytics ystep
}
plot $memlog_heap_data using ($1 + offset):(goal($4) / scale) with steps \
       linewidth 1.2 linecolor rgb colour_faint title (MEMLOG_GOAL_max > 0 ? "goal" : ""), \
     for [k = 0:1] $memlog_heap_data using ($1 + offset):(of($5, k, $2 / scale)):(0):(($3 - $2) / scale) \
       with vectors nohead linewidth stroke_width linecolor rgb stroke_colour(k) \
       title (k == (memlog_along > 0) ? "heap before and after" : ""), \
     for [k = 0:1] $memlog_heap_data using ($1 + offset):(of($5, k, $3 / scale)) with points \
       pointtype point_type(k) pointsize point_size(k) linecolor rgb colour_of(k) notitle

unset label
set tmargin at screen lower_top
set bmargin at screen lower_bottom
set format x xformat
set xlabel "time (".zone_name.")" noenhanced textcolor rgb colour_faint
set logscale y
set yrange [0.8 * floor_ns:10.**highest]
set ytics (pause_text(floor_ns) floor_ns)
do for [i = lowest + 1:highest] {
  if (!text_only || (i - lowest) % (rows < 36 ? 2 : 1) == 0) { set ytics add (pause_text(10.**i) 10.**i) }
}
caption = "longest pause of each collection"
if (text_only) {
  # Of characters an arrow would be a row too high.
  set label 1 caption.": O along with the program, X stopped" at graph 0, graph 1 offset 0, 1
} else {
  set arrow 1 from graph 0, first 1e6 to graph 1, first 1e6 nohead front \
    linewidth 1 dashtype 2 linecolor rgb colour_stand
  set label 1 caption at graph 0, graph 1 offset 0, 0.9 left textcolor rgb colour_text
  set key at graph 1, graph 1.035 bottom right horizontal Left reverse samplen 1
  if (memlog_format eq "svg") { set key width -4 }
  f = fraction(memlog_longest_t)
  set label 2 pause_text(memlog_longest) at memlog_longest_t + offset, on_axis(memlog_longest) \
    offset (f < 0.94 ? 0.8 : -0.8), 0.1 boxed front textcolor rgb colour_text
  if (f < 0.94) { set label 2 left } else { set label 2 right }
}
title_along   = memlog_along > 0 ? "along with the program" : ""
title_stopped = memlog_along < memlog_n ? "stopped" : ""
plot (text_only ? 1e6 : NaN) with lines linetype 0 notitle, \
     $memlog_pauses using ($1 + offset):(!text_only && $4 > 0 ? on_axis($4) : NaN) with points \
       pointtype 7 pointsize 0.6 * point_size(1) linecolor rgb colour_stand title "until all threads stood", \
     for [k = 0:1] $memlog_pauses using ($1 + offset):(of($3, 1 - k, on_axis($2))) with points \
       pointtype point_type(1 - k) pointsize point_size(1 - k) linecolor rgb colour_of(1 - k) \
       title (k ? title_stopped : title_along)
unset multiplot
unset output
