#!/bin/sh
# SPDX-License-Identifier: MIT
# test_man_completion.sh - in bash, zsh and fish each command and each option of each is offered, and
# what can stand in an argument's place. What there is the program says.
. "${top_srcdir:-$(dirname "$0")/..}/tests/script.sh"
. "$top_srcdir/tests/man_common.sh"
need bash bash
if test "$full" = 1; then
  need zsh zsh
  need fish fish
fi

completion=$top_srcdir/completion
HOME=$work ZDOTDIR=$work XDG_CONFIG_HOME=$work XDG_DATA_HOME=$work XDG_CACHE_HOME=$work
export HOME ZDOTDIR XDG_CONFIG_HOME XDG_DATA_HOME XDG_CACHE_HOME
mkdir "$work/bin" "$work/here" && ln -s "$memlog" "$work/bin/memlog" && cd "$work/here" || exit 99
PATH=$work/bin:$PATH
: >server.log
: >server.log.1
: >notes.txt
mkdir logs

all=$(commands)
test -n "$all" || fail 'the program lists no commands'
# Those that can say what their options are, in this build.
able=
for command in $all; do
  test "$command" = help || ! memlog "$command" --help >/dev/null 2>&1 || able="$able $command"
done

# ---- bash ------------------------------------------------------------------------------

# words WORD...: as bash splits a line; what is offered for the last one, a line each.
cat >"$work/words.bash" <<END_OF_BASH
source "$completion/memlog.bash"
COMP_WORDS=("\$@") COMP_CWORD=\$((\$# - 1))
complete -p memlog >/dev/null || exit 1
_memlog memlog "\${COMP_WORDS[COMP_CWORD]}" "\${COMP_WORDS[COMP_CWORD - 1]}"
((\${#COMPREPLY[@]} == 0)) || printf '%s\n' "\${COMPREPLY[@]}"
END_OF_BASH
words() { bash --norc "$work/words.bash" memlog "$@" 2>&1; }
# offers 'WORDS' OFFERED: it is among them.
offers() {
  # shellcheck disable=SC2086 # several words on purpose
  words $1 >"$work/out"
  grep -qxF -e "$2" "$work/out" || fail "bash, memlog $1: no '$2' but $(head -c 300 "$work/out")"
}
exactly() {
  # shellcheck disable=SC2086
  test "$(words $1 | sort | tr '\n' ' ')" = "$2" || fail "bash, memlog $1: not '$2' but $(words $1)"
}
# known COMMAND VALUE...: the command's help or page has them: what stands in the scripts is true.
known() {
  command=$1
  shift
  { memlog "$command" --help; cat "$pages/memlog-$command.1"; } >"$work/known"
  for value; do
    grep -qw -e "$value" "$work/known" || fail "memlog $command knows nothing of '$value'"
  done
}

bash --norc "$work/words.bash" memlog '' >"$work/out"
for command in $all --help --version; do
  grep -qxF -e "$command" "$work/out" || fail "bash does not offer $command"
done
for command in $able; do
  words "$command" - >"$work/out"
  for option in $(options "$command"); do
    grep -qxF -e "$option" "$work/out" || fail "bash does not offer $command $option"
  done
done
exactly 'run --outp' '--output= '
exactly 'run --quie' '--quiet '
exactly 'core --to' '--top '
exactly 'stat --unit = K' 'KiB '
exactly 'stat -u M' 'MB MiB '
exactly 'attach --duration = 10' '100ms 10s '
exactly 'run --columns = Sys,HeapI' 'Sys,HeapIdle Sys,HeapInuse '
exactly 'run -o server' 'server.log server.log.1 '
exactly 'run --output = no' 'notes.txt '
exactly 'help memory' 'memory.log '
offers 'stat 1' 1
offers 'run mem' memlog
offers 'run -i 1s --quiet mem' memlog
# The program's own words are not memlog's.
exactly 'run -i 1s some-program server' 'server.log server.log.1 '
exactly 'run some-program --outp' ''
# shellcheck disable=SC2046
known collapse $(words collapse --type = '')
# shellcheck disable=SC2046
known stat $(words stat --unit = '')
for command in $all; do
  case $command in plot | report | diff | export) ;; *) continue ;; esac
  test "$(words "$command" '' | sort | tr '\n' ' ')" = 'logs server.log server.log.1 ' ||
    fail "bash offers for $command: $(words "$command" '' | tr '\n' ' ')"
  # shellcheck disable=SC2046
  known "$command" $(words "$command" --format = ''; words "$command" --align = '')
done

# Columns are the fields that are one number, and whatever is offered is one.
words run --columns = '' >"$work/offered"
test -n "$SANITIZE" ||
  memlog run -q -o "$work/columns.log" --columns="$(paste -s -d , "$work/offered")" true ||
  fail 'some columns that are offered are none'
if test -x "$top_builddir/tests/print_stats"; then
  "$top_builddir/tests/print_stats" fields >"$work/fields"
  while read -r name _; do
    case $name in PauseNs | PauseEnd | BySize | PauseHistogram | StopHistogram) continue ;; esac
    grep -qxF "$name" "$work/offered" || fail "bash does not offer the column $name"
    for file in _memlog memlog.fish; do
      grep -qw "$name" "$completion/$file" || fail "$file does not offer the column $name"
    done
  done <"$work/fields"
fi

# ---- zsh -------------------------------------------------------------------------------

# listed WHERE WHAT: it stands in $work/list as a word.
listed() {
  grep -qE -e "(^|[^-A-Za-z])$(echo "$2" | sed 's/[?]/[?]/g')([^-A-Za-z]|\$)" "$work/list" ||
    fail "zsh does not offer $1 $2"
}
# lists LINE: what the shell has listed for it, in $work/shell.out, into $work/list.
lists() {
  awk -v line="== $1" '/^== / { here = $0 == line; next } here' "$work/shell.out" |
    sed "s/$(printf '\033')\\[[0-9;?]*[A-Za-z]//g" >"$work/list"
}
if command -v zsh >/dev/null 2>&1; then
  zsh -n "$completion/_memlog" || fail '_memlog is no zsh'
  set -- 'memlog ' 'memlog stat --unit=' 'memlog stat -u ' 'memlog run --columns=Sys,HeapI' \
    'memlog run -o server'
  for command in $able; do set -- "$@" "memlog $command -"; done
  timeout 60 zsh -f "$top_srcdir/tests/man_zsh.zsh" "$completion" "$@" >"$work/shell.out" 2>&1 ||
    fail "zsh ends with $?: $(tail -n 5 "$work/shell.out")"
  lists 'memlog '
  for command in $all; do listed '' "$command"; done
  for command in $able; do
    lists "memlog $command -"
    for option in $(options "$command"); do listed "$command" "$option"; done
  done
  for unit in bytes KiB MiB GiB MB; do
    lists 'memlog stat --unit='
    listed 'stat --unit' $unit
    lists 'memlog stat -u '
    listed 'stat -u' $unit
  done
  lists 'memlog run --columns=Sys,HeapI'
  listed 'a column' HeapIdle
  lists 'memlog run -o server'
  listed 'a file' server.log
fi

# ---- fish --------------------------------------------------------------------------------

has() { grep -qxF -e "$2" "$work/list" || fail "fish does not offer $1 $2"; }
if command -v fish >/dev/null 2>&1; then
  fish --no-config -n "$completion/memlog.fish" || fail 'memlog.fish is no fish'
  pairs='stat --unit=K:--unit=KiB,stat -u K:KiB,run -o notes:notes.txt'
  pairs=$pairs,'help memory:memory.log,run mem:memlog'
  set -- 'memlog ' 'memlog run some-program --quie' 'memlog run --columns=Sys,HeapI'
  for command in $able; do set -- "$@" "memlog $command -"; done
  IFS=,
  for pair in $pairs; do set -- "$@" "memlog ${pair%%:*}"; done
  unset IFS
  cat >"$work/list.fish" <<END_OF_FISH
source $completion/memlog.fish
for line in \$argv
    echo "== \$line"
    complete -C \$line | string replace -r '\t.*' ''
end
END_OF_FISH
  timeout 60 fish --no-config "$work/list.fish" "$@" >"$work/shell.out" 2>&1 ||
    fail "fish ends with $?: $(tail -n 5 "$work/shell.out")"
  lists 'memlog '
  for command in $all; do has '' "$command"; done
  for command in $able; do
    lists "memlog $command -"
    for option in $(options "$command"); do has "$command" "$option"; done
  done
  IFS=,
  for pair in $pairs; do
    lists "memlog ${pair%%:*}"
    has "${pair%%:*}" "${pair#*:}"
  done
  unset IFS
  lists 'memlog run --columns=Sys,HeapI'
  has columns --columns=Sys,HeapIdle
  lists 'memlog run some-program --quie'
  ! grep -q quiet "$work/list" || fail "fish offers memlog's options to the program"
fi
finish
