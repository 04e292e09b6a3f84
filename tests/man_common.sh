# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2034 # the variables are for the scripts
# For the tests of the manual and of completion, to be sourced behind script.sh: what the program
# itself says there is.

memlog=$top_builddir/memlog
pages=$top_srcdir/man

# The commands, a line each; help is one.
commands() { "$memlog" help | sed -n 's/^  \([a-z][a-z-]*\)  *[^ ].*/\1/p'; }

# options COMMAND: each spelling of each option that its --help shows, a line each.
options() {
  "$memlog" "$1" --help </dev/null | sed -n 's/^ \{2,6\}\(-.*\)/\1/p' | sed 's/  .*//' |
    tr ',' '\n' | sed -n 's/^ *\(-[^=[ ]*\).*/\1/p' | sort -u
}
