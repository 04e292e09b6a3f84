#!/bin/sh
# SPDX-License-Identifier: MIT
# test_house_layers.sh - the order of the floors: a file includes headers of its
# own floor and of lower ones, spelled with the folder, and calls nothing above
# itself; only os knows the platform; nothing here allocates from, prints with
# or asks for the locale of the C library.
. "${top_srcdir:-$(dirname "$0")/..}/tests/script.sh"
src=$top_srcdir/src

# The public headers are declarations only: every floor may include them.
public='memlog\.h|memlog_stats\.h|memlog_http\.h'

# --- includes: what is below a floor, and what is not ------------------------
below=
for level in $floors; do
  for floor in $(echo "$level" | tr , ' '); do
    test -d "$src/$floor" || continue
    own=$floor
    # Only init.c knows everyone, and api has config.h and its own two headers.
    allowed="($own$below)/[a-z0-9_]+\.h|config\.h|$public"
    grep -rnE '^[[:space:]]*#[[:space:]]*include[[:space:]]+"' "$src/$floor" |
      grep -vE "#[[:space:]]*include[[:space:]]+\"($allowed)\"" >"$work/upward"
    test ! -s "$work/upward" || fail "$floor includes what is not below it:
$(cat "$work/upward")"
  done
  for floor in $(echo "$level" | tr , ' '); do
    below="$below|$floor"
  done
done
grep -rnE '#[[:space:]]*include.*\.c[">]' "$src" && fail "a .c file is included"

# Every folder is a floor that is known here.
for folder in "$src"/*/; do
  floor=$(basename "$folder")
  case $(echo " $floors " | tr , ' ') in
    *" $floor "*) ;;
    *) test "$floor" = gdb || fail "src/$floor is no floor that this test knows" ;;
  esac
done

# --- the platform -------------------------------------------------------------
find "$src" -name '*_linux.[ch]' ! -path "$src/os/*" >"$work/linux"
test ! -s "$work/linux" || fail "outside os: $(cat "$work/linux")"
for header in "$src"/os/*.h; do
  room=$(basename "$header" .h)
  case $room in *_linux) continue ;; esac
  test -f "$src/os/${room}_linux.c" || fail "os/$room.h has no ${room}_linux.c"
done
# Elsewhere: include guards, and the compiler and the language in public headers.
grep -rnE '^[[:space:]]*#[[:space:]]*(if|ifdef|ifndef|elif)' "$src" --include='*.[ch]' |
  grep -v "^$src/os/" |
  grep -vE '/[a-z0-9_]+\.h:[0-9]+:#ifndef (ML|MEMLOG)_[A-Z0-9_]+_H$|/memlog\.h:[0-9]+:#ifndef MEMLOG_H$' |
  grep -vE '/api/memlog[a-z_]*\.h:[0-9]+:#(if defined\(__GNUC__\)|ifdef __cplusplus)$' >"$work/ifs"
test ! -s "$work/ifs" || fail "#if outside os: $(cat "$work/ifs")"

# --- what the objects call ------------------------------------------------------
# A sanitizer's objects call the sanitizer.
test -z "$SANITIZE" || finish
need nm binutils

# Names of the C library that allocate, use stdio or the locale.
forbidden='malloc|calloc|realloc|reallocarray|free|memalign|posix_memalign|aligned_alloc|valloc|pvalloc'
forbidden="$forbidden|strdup|strndup|v?asprintf|getline|getdelim|open_memstream|opendir|fdopendir|scandir"
forbidden="$forbidden|v?[fds]?n?printf|vs?n?printf|v?[fs]?scanf|f?puts|f?putc|putchar|perror|psignal"
forbidden="$forbidden|fopen|fopen64|fdopen|freopen|fclose|fread|fwrite|fflush|f?gets|f?getc|getchar"
forbidden="$forbidden|popen|pclose|tmpfile|stdin|stdout|stderr|syslog|qsort|qsort_r|atexit|on_exit"
forbidden="$forbidden|setlocale|newlocale|uselocale|localeconv|nl_langinfo|strcoll|strxfrm|strftime"
forbidden="$forbidden|strtod|strtof|strtold|atof|strerror|strerror_r|strsignal|localtime|localtime_r|mktime"
forbidden="$forbidden|isalpha|isdigit|isspace|tolower|toupper|__ctype_b_loc|__ctype_tolower_loc|dlopen|dlerror"

checked=0
lower="$work/none"
: >"$lower"
for level in base os heap gc stats log,profile api preload; do
  : >"$work/level"
  for floor in $(echo "$level" | tr , ' '); do
    archive=$top_builddir/.libs/lib$floor.a
    test -f "$archive" || continue
    checked=$((checked + 1))
    nm -A --undefined-only "$archive" | awk '{ sub(/@.*/, "", $NF); print $NF, $1 }' |
      sort -u >"$work/calls"
    nm --defined-only "$archive" | awk 'NF == 3 { print $3 }' | sort -u >"$work/own"
    # _FORTIFY_SOURCE's and the standards' other spellings are the same names.
    # preload's malloc_info writes to the caller's stream, and throwing is the C++
    # library's: it may be there, and is not loaded.
    test "$floor" != preload || sed -i -E '/^(fputs|dlopen) /d' "$work/calls"
    awk '{ name = $1; sub(/^__isoc(99|23)_/, "", name); sub(/^__/, "", name)
           sub(/_chk$/, "", name); print name, $0 }' "$work/calls" |
      grep -E "^($forbidden) " >"$work/bad" && fail "$floor calls the C library's heap, stdio or locale:
$(cat "$work/bad")"
    sort -u "$work/own" "$lower" >"$work/known"
    # A weak reference, to what a program may have beside libmemlog.
    test "$floor" != api || sed -i '/^memlog_http_start /d' "$work/calls"
    awk '$1 ~ /^(ml|memlog)_/' "$work/calls" | awk -v known="$work/known" '
      BEGIN { while ((getline name < known) > 0) is[name] = 1 }
      !($1 in is)' >"$work/bad"
    test ! -s "$work/bad" || fail "$floor calls what is not below it:
$(cat "$work/bad")"
    cat "$work/own" >>"$work/level"
  done
  sort -u "$lower" "$work/level" >"$work/lower"
  lower="$work/lower.seen"
  cp "$work/lower" "$lower"
done
test "$checked" -ge 8 || fail "only $checked floors were found in $top_builddir/.libs"
finish
