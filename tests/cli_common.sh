# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2034 # the variables are for the scripts
# For scripts that run the command memlog, to be sourced after script.sh.

not_sanitized "two that stand before malloc don't go together"
memlog=$top_builddir/memlog
act=$top_builddir/tests/prog_cli_act
test -f "$top_builddir/.libs/libmemlog-preload.so" || { echo "built without shared libraries"; exit 77; }
cd "$work" || exit 99

# for_others: memlog, its library and $act stand where any user gets at them from here on. What was
# built may be in somebody's home.
for_others() {
  chmod 777 "$work"
  mkdir "$work/others" && cp "$memlog" "$top_builddir/.libs/libmemlog-preload.so" "$act" "$work/others" || exit 99
  chmod 755 "$work/others" "$work/others"/*
  memlog=$work/others/memlog
  act=$work/others/prog_cli_act
}

# samples LOG: its data lines.
samples() { grep -c '^[0-9]' "$1"; }
# column LOG LINE COLUMN: of the data lines; LINE may be "last".
column() { grep '^[0-9]' "$1" | if test "$2" = last; then tail -n 1; else sed -n "$2p"; fi | cut -d' ' -f"$3"; }
# expect STATUS WORDS COMMAND...: the words are in its messages; "" for none of them.
expect() {
  wanted=$1 words=$2
  shift 2
  "$@" >out 2>err </dev/null
  status=$?
  test "$status" = "$wanted" || fail "$*: status $status instead of $wanted: $(cat err)"
  if test -z "$words"; then
    test ! -s err || fail "$*: said: $(cat err)"
  else
    grep -qF -e "$words" err || fail "$*: does not say \"$words\" but: $(cat err)"
  fi
}
# make_refusal: refuse.so in the folder; what is run with it may not read others' memory, as the kernel
# refuses it with ptrace_scope=1.
make_refusal() {
  cat >refuse.c <<'END'
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>
int open(const char *path, int flags, ...)
{
    size_t length = strlen(path);
    va_list rest;
    va_start(rest, flags);
    int mode = flags & O_CREAT ? va_arg(rest, int) : 0;
    va_end(rest);
    if (length > 4 && strcmp(path + length - 4, "/mem") == 0)
        return errno = EACCES, -1;
    return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}
ssize_t process_vm_readv(pid_t pid, const struct iovec *here, unsigned long heres,
                         const struct iovec *there, unsigned long theres, unsigned long flags)
{
    (void)pid, (void)here, (void)heres, (void)there, (void)theres, (void)flags;
    return errno = EPERM, -1;
}
END
  $CC -shared -fPIC -o refuse.so refuse.c || { echo "no compiler"; exit 77; }
}
