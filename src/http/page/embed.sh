#!/bin/sh
# SPDX-License-Identifier: MIT
# embed.sh - the files of a page as a C file, on stdout: bytes, and the table of them
# (http/assets.h). Bytes as numbers, since assemblers' .incbin is lost on the way through link-time
# optimization, and C has no word for it yet.
#
#   sh embed.sh live FOLDER   the live page's: what is served where
#   sh embed.sh plot FOLDER   what memlog plot's page has beside those; the modules as one script
set -eu
page=$1 folder=$2
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT

# Path, type, file.
live_files() {
  cat <<'END'
/debug/memlog text/html memlog.html
/debug/memlog/memlog.css text/css memlog.css
/debug/memlog/pages.css text/css pages.css
/debug/memlog/uplot.css text/css uplot/uPlot.min.css
/debug/memlog/uplot.js text/javascript uplot/uPlot.iife.min.js
/debug/memlog/uplot.license text/plain uplot/LICENSE
/debug/memlog/memlog.js text/javascript memlog.js
/debug/memlog/charts.js text/javascript charts.js
/debug/memlog/classes.js text/javascript classes.js
/debug/memlog/controls.js text/javascript controls.js
/debug/memlog/curves.js text/javascript curves.js
/debug/memlog/feed.js text/javascript feed.js
/debug/memlog/format.js text/javascript format.js
/debug/memlog/gestures.js text/javascript gestures.js
/debug/memlog/history.js text/javascript history.js
/debug/memlog/search.js text/javascript search.js
/debug/memlog/table.js text/javascript table.js
/debug/memlog/theme.js text/javascript theme.js
/debug/memlog/view.js text/javascript view.js
END
}

plot_files() {
  cat <<'END'
plot.html text/html plot.html
plot.js text/javascript plot.js
plot.css text/css plot.css
END
}

# Each module before those that import it.
plot_modules='format search theme gestures view controls table curves rows logs told plot'

# A script's hash, as a page's policy names it.
hash() {
  sha256sum <"$1" | awk '{
    for (i = 1; i < 64; i += 2) {
      high = index("0123456789abcdef", substr($1, i, 1)) - 1
      printf "\\%03o", 16 * high + index("0123456789abcdef", substr($1, i + 1, 1)) - 1
    }
  }' >"$made/octal"
  # shellcheck disable=SC2059 # the format is made of escapes
  printf "$(cat "$made/octal")" | base64
}

# Scripts and styles are in the page itself: none but these may run there.
make_plot() {
  for module in $plot_modules; do
    set -- "$@" "$folder/$module.js"
  done
  awk -f "$folder/bundle.awk" "$@" >"$made/plot.js"
  scripts='' styles=''
  for file in "$folder/uplot/uPlot.iife.min.js" "$made/plot.js"; do
    scripts="$scripts 'sha256-$(hash "$file")'"
  done
  for file in "$folder/uplot/uPlot.min.css" "$folder/memlog.css" "$folder/plot.css"; do
    styles="$styles 'sha256-$(hash "$file")'"
  done
  sed "s|@@policy@@|script-src$scripts; style-src$styles|" "$folder/plot.html" >"$made/plot.html"
}

# Where a file is: made here, or as it stands.
place() { if test -e "$made/$1"; then echo "$made/$1"; else echo "$folder/$1"; fi; }

if test "$page" = plot; then make_plot; fi
echo '/* SPDX-License-Identifier: MIT */'
echo '/* Written by embed.sh. */'
case $page in
  plot) header=plotassets table=ml_plot_assets ;;
  *) header=assets table=ml_assets ;;
esac
echo "#include \"http/$header.h\""
"${page}_files" | while read -r path type file; do
  from=$(place "$file")
  test -s "$from" || { echo "embed.sh: $from is missing or empty" >&2; exit 1; }
  printf '\nstatic const unsigned char %s[] = {\n' "file_$(echo "$file" | tr -c 'A-Za-z0-9\n' _)"
  od -An -v -tu1 "$from" | sed 's/ *\([0-9][0-9]*\)/\1,/g'
  echo '};'
done
printf '\nconst struct ml_asset %s[] = {\n' "$table"
"${page}_files" | while read -r path type file; do
  name="file_$(echo "$file" | tr -c 'A-Za-z0-9\n' _)"
  echo "    { \"$path\", \"$type; charset=utf-8\", (const char *)$name, sizeof($name) },"
done
echo '};'
echo "const size_t ${table}_count = sizeof($table) / sizeof(${table}[0]);"
