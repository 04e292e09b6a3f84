#!/bin/sh
# SPDX-License-Identifier: MIT
# embed.sh - the scripts that memlog plot gives to gnuplot, as a C file, on stdout. Of overlay.plot
# each line "# --- from mem.plot: NAME" becomes mem.plot's section of that name.
#
#   sh embed.sh FOLDER
set -eu
folder=$1

overlay() {
  awk -v source="$folder/mem.plot" '
    /^# --- from mem.plot: / {
      name = substr($0, 22)
      found = inside = 0
      while ((getline line < source) > 0) {
        if (line ~ /^# --- the same in /) continue
        if (line ~ /^# --- /) {
          heading = line
          sub(/^# --- /, "", heading)
          sub(/ -+$/, "", heading)
          inside = heading == name
          found += inside
        }
        if (inside) print line
      }
      close(source)
      if (!found) { print "embed.sh: mem.plot has no section " name >"/dev/stderr"; exit 1 }
      next
    }
    { print }' "$folder/overlay.plot"
}

array() { # NAME, the text on stdin
  printf '\nconst char %s[] = {\n' "$1"
  od -An -v -td1 | sed 's/ *\(-*[0-9][0-9]*\)/\1,/g'
  printf '0 };\n'
}

text=$(overlay) || exit 1
echo '/* SPDX-License-Identifier: MIT */'
echo '/* Written by embed.sh. */'
echo '#include "cli/plotdraw.h"'
array ml_plot_script_memory <"$folder/mem.plot"
printf '%s\n' "$text" | array ml_plot_script_overlay
