# SPDX-License-Identifier: MIT
#
# live.plot: a memlog log drawn again and again while it grows, with mem.plot,
# which stands beside it.
#
#   gnuplot live.plot                       memory.log in a window, or in this
#                                           terminal where there is no display
#   gnuplot -c live.plot LOG [SECONDS]      another log; every so many seconds,
#                                           1 unless said
#
# It ends with the log's last run, or with Ctrl-C; a log that is not there yet is
# waited for. gnuplot -p keeps the window. A log that was put aside for its size is
# followed under its name.

live_log     = exists("ARG1") && strlen(ARG1) ? ARG1 : "memory.log"
live_seconds = exists("ARG2") && strlen(ARG2) ? real(ARG2) : 1
if (!(live_seconds >= 0.1)) { live_seconds = 0.1 }

# TEXT as one word for the shell, by halves, as in mem.plot.
live_quoted(text) = "'".live_escaped(text)."'"
live_escaped(text) = strlen(text) < 2 ? (text eq "'" ? "'\\''" : text) : \
  live_escaped(text[1:strlen(text) / 2]).live_escaped(text[strlen(text) / 2 + 1:*])

live_folder  = ARG0[1:strlen(ARG0) - strlen("live.plot")]
if (ARG0[strlen(live_folder) + 1:*] ne "live.plot") { live_folder = "" }
live_script = live_folder."mem.plot"
if (system("test -r ".live_quoted(live_script)." || echo no") ne "") {
  print "memlog: live.plot draws with mem.plot, which is not beside it"
  exit status 1
}

# Three words: the log's bytes, 1 when there is a sample, and whether its last run has ended. It may be
# put aside at any moment.
live_ask = "exec 2>/dev/null; f=".live_quoted(live_log)."; test -f \"$f\" && test -r \"$f\" || { echo 0 0 open; exit; }; ". \
  "n=$(wc -c < \"$f\"); s=$(grep -c -m 1 '^[0-9]' < \"$f\"); ". \
  "e=$(tail -n 64 < \"$f\" | grep '^# end \\|^# memlog \\|^[0-9]' | tail -n 1); ". \
  "case $e in '# end '*) e=ended;; *) e=open;; esac; echo $((n)) $((s)) $e"

live_format = ""
live_drawn  = ""
while (1) {
  live_state = system(live_ask)
  if (live_state ne live_drawn && word(live_state, 2) eq "1") {
    reset
    # What was drawn before in characters is written over.
    if (live_format eq "dumb") {
      set print "-"
      print "\033[H\033[J"
      unset print
    }
    call live_script live_log live_format
    live_format = memlog_format
    live_drawn = live_state
  }
  if (live_drawn ne "" && word(live_state, 3) eq "ended") { break }
  pause live_seconds
}
