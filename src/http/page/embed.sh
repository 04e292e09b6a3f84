#!/bin/sh
# SPDX-License-Identifier: MIT
# embed.sh - the files of the live page as a C file, on stdout: bytes, and the table of what is
# served where (http/assets.h). Bytes as numbers, since assemblers' .incbin is lost on the way
# through link-time optimization, and C has no word for it yet.
#
#   sh embed.sh FOLDER
set -eu
folder=$1

# Path, type, file.
files() {
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
/debug/memlog/curves.js text/javascript curves.js
/debug/memlog/feed.js text/javascript feed.js
/debug/memlog/format.js text/javascript format.js
/debug/memlog/gestures.js text/javascript gestures.js
/debug/memlog/history.js text/javascript history.js
/debug/memlog/theme.js text/javascript theme.js
/debug/memlog/view.js text/javascript view.js
END
}

echo '/* SPDX-License-Identifier: MIT */'
echo '/* Written by embed.sh. */'
echo '#include "http/assets.h"'
files | while read -r path type file; do
  test -s "$folder/$file" || { echo "embed.sh: $folder/$file is missing or empty" >&2; exit 1; }
  printf '\nstatic const unsigned char %s[] = {\n' "file_$(echo "$file" | tr -c 'A-Za-z0-9\n' _)"
  od -An -v -tu1 "$folder/$file" | sed 's/ *\([0-9][0-9]*\)/\1,/g'
  echo '};'
done
printf '\nconst struct ml_asset ml_assets[] = {\n'
files | while read -r path type file; do
  name="file_$(echo "$file" | tr -c 'A-Za-z0-9\n' _)"
  echo "    { \"$path\", \"$type; charset=utf-8\", (const char *)$name, sizeof($name) },"
done
echo '};'
echo 'const size_t ml_assets_count = sizeof(ml_assets) / sizeof(ml_assets[0]);'
