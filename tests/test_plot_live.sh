#!/bin/sh
# SPDX-License-Identifier: MIT
# test_plot_live.sh - memlog plot --live, and live.plot: a log that grows is drawn again, also when it
# was put aside for its size, until its last run has ended.
. "${top_srcdir:-$(dirname "$0")/..}/tests/script.sh"
rmdir "$work" # plot_common.sh has a folder of its own
. "$top_srcdir/tests/plot_common.sh"
memlog=$(cd "$top_builddir" && pwd)/memlog
live=$top_srcdir/plot/live.plot
header='# memlog 1 pid=1 start=2026-11-21T08:00:00Z interval=0.1s command="grows"
# timestamp Alloc Sys'

says() { grep -q "$1" "$2"; }

# follow NAME COMMAND...: the command is shown a log that grows, is rotated, and ends.
follow() {
  name=$1
  shift
  rm -f grow.log grow.log.1 told
  printf '%s\n1795248000 1048576 104857600\n1795248001 2097152 104857600\n' "$header" >grow.log
  "$@" >told 2>stderr </dev/null &
  pid=$!
  until_true 20 says "peak 2 MiB\|2.0 MiB" told || fail "$name does not draw: $(cat stderr)"
  echo '1795248002 31457280 104857600' >>grow.log
  until_true 20 says "peak 30\|30.0 MiB" told || fail "$name does not follow: $(tail -n 30 told)"
  mv grow.log grow.log.1
  printf '%s\n1795248003 52428800 104857600\n' "$header" >grow.log
  until_true 20 says "peak 50\|50.0 MiB" told || fail "$name does not follow a log that was rotated: $(tail -n 30 told)"
  kill -0 "$pid" 2>/dev/null || fail "$name ended before the run did"
  echo '# end reason=SIGKILL' >>grow.log
  wait "$pid" || fail "$name ended with $?: $(cat stderr)"
  says 'ended by SIGKILL' told || fail "$name does not say how it ended: $(tail -n 30 told)"
  # The file before is the same run's.
  says '3 s' told || fail "$name has lost what came before: $(tail -n 30 told)"
  test ! -s stderr || fail "$name said: $(cat stderr)"
}
follow "memlog plot --live" "$memlog" plot --live grow.log
follow "memlog plot --live -f dumb" "$memlog" plot --live -f dumb --width 100 --height 30 grow.log
follow "live.plot" env COLUMNS=100 LINES=30 "$GNUPLOT" -c "$live" grow.log 0.1

# --- put aside twice within a moment: the name means nothing just when the new log is to be opened, and
# the mark that it is drawn from is in neither file
if test -z "$SANITIZE"; then
  cat >gone.c <<'END'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
static int fails(const char *file)
{
    if (strcmp(file, "grow.log") != 0 || unlink("gone") != 0)
        return 0;
    errno = ENOENT;
    return 1;
}
int open(const char *file, int flags, ...)
{
    int (*real)(const char *, int, ...) = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open");
    return fails(file) ? -1 : real(file, flags, 0666);
}
int open64(const char *file, int flags, ...)
{
    int (*real)(const char *, int, ...) = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open64");
    return fails(file) ? -1 : real(file, flags, 0666);
}
END
  $CC -shared -fPIC -o gone.so gone.c -ldl || fail "no shim"
  rm -f grow.log grow.log.1
  printf '%s\n1795248000 1048576 104857600\n# mark warm\n1795248001 2097152 104857600\n' "$header" >grow.log
  LD_PRELOAD=$PWD/gone.so "$memlog" plot --live --from mark:warm grow.log >told 2>stderr </dev/null &
  pid=$!
  until_true 20 says '2.0 MiB' told || fail "it does not draw from a mark on: $(cat stderr)"
  : >gone
  rm grow.log
  : >grow.log # as it is before its writer has come to its header
  printf '%s\n1795248002 41943040 104857600\n' "$header" >next.log
  mv next.log grow.log
  until_true 20 test ! -e gone || fail "the new log is not opened"
  until_true 20 says '40.0 MiB' told || fail "put aside twice, a log is not followed: $(tail -n 20 told stderr)"
  echo '# end reason=exit' >>grow.log
  wait "$pid" || fail "put aside twice, it ended with $?: $(cat stderr)"
  test ! -s stderr || fail "put aside twice, it said: $(cat stderr)"
fi

# --- a signal is a good end
printf '%s\n1795248000 1048576 104857600\n' "$header" >grow.log
"$memlog" plot --live grow.log >told 2>stderr </dev/null &
pid=$!
until_true 20 says 'last 1.0 MiB' told || fail "one sample is not drawn: $(cat told stderr)"
kill -TERM "$pid"
wait "$pid" || fail "a signal ends it with $?"

# --- a terminal: in the same place; the cursor is left below
if command -v script >/dev/null 2>&1; then
  printf '%s\n1795248000 1048576 104857600\n# end reason=exit\n' "$header" >grow.log
  script -qec "TERM=xterm '$memlog' plot --live grow.log" /dev/null >told 2>&1 </dev/null || fail "on a terminal: $(cat told)"
  says "$(printf '\033\\[H')" told || fail "on a terminal it does not draw in place"
  NO_COLOR=1 script -qec "TERM=xterm '$memlog' plot --live grow.log" /dev/null >plain 2>&1 </dev/null
  says "$(printf '\033\\[34m')" told || fail "on a terminal there is no colour"
  ! says "$(printf '\033\\[34m')" plain || fail "NO_COLOR is not heeded"
fi

# --- live.plot where mem.plot is not beside it
cp "$live" alone.plot && mkdir alone && cp "$live" alone/live.plot
if "$GNUPLOT" -c alone/live.plot grow.log >told 2>stderr </dev/null; then fail "live.plot without mem.plot"; fi
says 'not beside it' stderr || fail "live.plot without mem.plot says: $(cat stderr)"
finish
