#!/bin/sh
# SPDX-License-Identifier: MIT
# test_house_headers.sh - each public header stands alone, in C and in C++, with
# every warning there is being an error; and in internal headers nothing is
# missing either.
. "${top_srcdir:-$(dirname "$0")/..}/tests/script.sh"
api=$top_srcdir/src/api
strict='-Wall -Wextra -Werror -pedantic -Wshadow -fsyntax-only'

# compile WHAT COMMAND...: it is accepted in silence.
compile() {
  what=$1
  shift
  "$@" >"$work/said" 2>&1 || fail "$what: $(cat "$work/said")"
}

for header in "$api"/memlog*.h; do
  name=$(basename "$header")
  # Twice: the guard holds.
  printf '#include <%s>\n#include <%s>\nint main(void) { return 0; }\n' "$name" "$name" \
    >"$work/alone.c"
  for standard in c99 c11 gnu11 c17; do
    # shellcheck disable=SC2086 # several words on purpose
    compile "$name as $standard" $CC -std=$standard -Wstrict-prototypes $strict -I"$api" \
      "$work/alone.c"
  done
done

if command -v g++ >/dev/null 2>&1; then
  for header in "$api"/memlog*.h; do
    name=$(basename "$header")
    cat >"$work/alone.cpp" <<END
#include <$name>
#include <$name>
int main()
{
    return 0;
}
END
    for standard in c++11 c++17 c++20; do
      # shellcheck disable=SC2086
      compile "$name as $standard" g++ -std=$standard $strict -I"$api" "$work/alone.cpp"
    done
  done
  # The names have C's linkage, and what memlog.h defines is usable.
  cat >"$work/program.cpp" <<'END'
#include <memlog.h>
int main()
{
    char *text = static_cast<char *>(memlog_malloc(100));
    memlog_memstats stats;
    memlog_keep_alive(text);
    return memlog_read_memstats(&stats) == 0 && stats.mallocs == 1 ? 0 : 1;
}
END
  if test -z "$SANITIZE" && test -f "$top_builddir/.libs/libmemlog.so"; then
    compile "a C++ program" g++ -std=c++17 -Wall -Wextra -Werror -I"$api" "$work/program.cpp" \
      -o "$work/program" -L"$top_builddir/.libs" -lmemlog
    LD_LIBRARY_PATH=$top_builddir/.libs "$work/program" || fail "the C++ program ends with $?"
  fi
elif test "$full" = 1; then
  fail "no g++ here (Debian: package 'g++')"
else
  echo "no g++ here: looked at C only"
fi

for header in "$top_srcdir"/src/*/*.h; do
  # shellcheck disable=SC2086
  compile "$header" $CC -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -Werror -Wno-unused-function \
    -fsyntax-only -I. -I"$top_srcdir/src" -I"$api" -x c -include "$header" /dev/null
done
finish
