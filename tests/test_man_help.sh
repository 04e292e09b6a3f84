#!/bin/sh
# SPDX-License-Identifier: MIT
# test_man_help.sh - memlog help: the list, a page in man where there are both, else --help.
. "${top_srcdir:-$(dirname "$0")/..}/tests/script.sh"
. "$top_srcdir/tests/man_common.sh"

# The program as it would be installed, and elsewhere; a man that says what it is to show.
share=$work/inst/share/man
mkdir -p "$work/inst/bin" "$share/man1" "$share/man3" "$share/man5" "$work/man" "$work/alone" || exit 99
cp "$memlog" "$work/inst/bin/memlog" && cp "$memlog" "$work/alone/memlog" || exit 99
for command in $(commands); do
  : >"$share/man1/memlog-$command.1"
done
: >"$share/man1/memlog.1"
: >"$share/man3/memlog_gc.3.gz"
: >"$share/man5/memory.log.5"
cat >"$work/man/man" <<'END_OF_MAN'
#!/bin/sh
echo "man $*"
exit 3
END_OF_MAN
chmod +x "$work/man/man"

# help STATUS PATH PROGRAM WORD...: ends so; $work/out and $work/err have what it said.
help() {
  expected=$1 path=$2 program=$3
  shift 3
  PATH=$path "$program" help "$@" >"$work/out" 2>"$work/err" </dev/null
  status=$?
  test "$status" = "$expected" || fail "help $*: ends with $status: $(cat "$work/out" "$work/err")"
}
says() { grep -qF -e "$2" "$work/$1" || fail "no '$2' but $(head -c 300 "$work/$1")"; }

# shows PAGE: man was run for it, and its exit status is the command's.
shows() { says out "man $work/inst/bin/../share/man/$1"; }
installed=$work/inst/bin/memlog
for command in $(commands); do
  help 3 "$work/man:$PATH" "$installed" "$command"
  shows "man1/memlog-$command.1"
done
help 3 "$work/man:$PATH" "$installed" memlog
shows man1/memlog.1
help 3 "$work/man:$PATH" "$installed" memory.log
shows man5/memory.log.5
help 3 "$work/man:$PATH" "$installed" memlog_gc
shows man3/memlog_gc.3.gz

# In a tree that was built in its sources they are beside the program.
if test -f "$top_builddir/man/memlog-run.1"; then
  help 3 "$work/man:$PATH" "$memlog" run
  says out "man $top_builddir/man/memlog-run.1"
fi

# Without man, and where no page was installed, a command's own words.
for command in $(commands); do
  test "$command" != help && "$memlog" "$command" --help >"$work/own" 2>/dev/null || continue
  help 0 "$work/none" "$memlog" "$command"
  cmp -s "$work/own" "$work/out" || fail "help $command without man: $(head -c 300 "$work/out")"
done
# A copy that stands alone finds no page, unless an earlier one was installed on this machine.
PATH=$work/man:$PATH "$work/alone/memlog" help run >"$work/out" 2>&1
case $? in
  0) says out 'Usage: memlog run' ;;
  *) test -f "$(sed 's/^man //' "$work/out")" || fail "alone: $(head -c 300 "$work/out")" ;;
esac
help 1 "$work/none" "$installed" memory.log
says err "the page is $work/inst/bin/../share/man/man5/memory.log.5"

help 0 "$work/man:$PATH" "$installed"
cp "$work/out" "$work/list"
for word in --help -h; do
  help 0 "$work/man:$PATH" "$installed" $word
  cmp -s "$work/list" "$work/out" || fail "help $word says something else"
done
"$memlog" --help | cmp -s - "$work/list" || fail "--help says something else than help"
says out '  run      run a program'

if test -c /dev/full; then
  for words in help --help -h --version "help plot" "plot --help"; do
    # shellcheck disable=SC2086 # several words on purpose
    PATH=$work/none "$installed" $words >/dev/full 2>"$work/err" && fail "$words on a full disk ends with 0"
    says err "cannot write the standard output: No space left"
  done
fi

help 2 "$work/man:$PATH" "$installed" nonsense
says err "no page 'nonsense'"
help 2 "$work/man:$PATH" "$installed" ../man1/memlog-run
says err "no page '../man1/memlog-run'"
help 2 "$work/man:$PATH" "$installed" run stat
says err '"stat" is one too many'
finish
