#!/bin/sh
# SPDX-License-Identifier: MIT
# What cannot be drawn is one line on the standard error, a status other than 0,
# and no picture.
. "${top_srcdir:-$(dirname "$0")/..}/tests/plot_common.sh"

echo '# memlog 1 pid=1 start=2026-11-21T08:00:00Z interval=1s command="x"' >none.log
: >empty.log
cp "$fixtures/article.log" good.log
ls >before

for format in png svg pdf dumb; do
  refuse "no log gone.log" gone.log $format
  refuse "no samples" none.log $format
  refuse "no samples" empty.log $format
  refuse "is a directory" . $format
done
refuse "no log memory.log" ""
refuse "unknown format 'gif'" good.log gif
refuse "unknown format 'png svg'" good.log "png svg"
refuse "unknown format 'p'" good.log p
refuse "cannot write" good.log png gone/picture.png
refuse "cannot write" good.log png .
refuse "overwrite" good.log svg good.log
refuse "overwrite" good.log svg ./good.log
# The superuser reads everything.
if test "$(id -u)" -ne 0; then
  cp good.log secret.log
  chmod 0 secret.log
  refuse "cannot read secret.log" secret.log png
  rm -f secret.log
fi
cmp -s good.log "$fixtures/article.log" || fail "the log was changed"

rm -f stdout stderr
ls >after.new
grep -vx -e after.new -e before after.new >after
grep -vx before before >expected
cmp -s expected after || fail "left behind: $(diff expected after)"
finish
