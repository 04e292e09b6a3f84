# SPDX-License-Identifier: MIT
# bundle.awk - modules of a page as one script, for a page that is one file: a browser takes no
# module from beside a file. Each becomes a function that returns what the module exports.
#
#   awk -f bundle.awk FILE.js...     each before those that import it
#
# Imports and exports are what stands at a line's beginning:
#   import * as NAME from './FILE.js';       import { NAME, ... } from './FILE.js';
#   export const, let, class, function NAME  and, of functions, async ones

function fail(why) {
  print "bundle.awk: " FILENAME ":" FNR ": " why > "/dev/stderr"
  failed = 1
  exit 1
}
function finish() {
  if (module != "")
    print "return {" exported " };\n})();"
}
function module_of(path) {
  sub(/.*\//, "", path)
  sub(/\.js.*/, "", path)
  return path
}

BEGIN { print "(() => {\n'use strict';\nconst modules = {};" }
FNR == 1 {
  finish()
  module = module_of(FILENAME)
  exported = ""
  made[module] = 1
  print "modules." module " = (() => {"
}
/^import / {
  if ($0 !~ /^import (\* as [a-zA-Z]+|\{ [a-zA-Z, ]+ \}) from '\.\/[a-z]+\.js';$/ || / as .* as /)
    fail("an import of another form")
  from = module_of($0)
  if (!(from in made))
    fail(from " comes later")
  what = $0
  sub(/^import (\* as )?/, "", what)
  sub(/ from .*/, "", what)
  print "const " what " = modules." from ";"
  next
}
/^export / {
  if ($0 !~ /^export (const|let|class|(async )?function) [a-zA-Z]+/)
    fail("an export of another form")
  sub(/^export /, "")
  name = $0
  sub(/^(async )?[a-z]+ /, "", name)
  sub(/[^a-zA-Z0-9].*/, "", name)
  exported = exported (exported == "" ? " " : ", ") name
}
!/^\/\// { print }
END {
  if (failed)
    exit 1
  finish()
  print "})();"
}
