# SPDX-License-Identifier: MIT
# For the plot's tests, to be sourced: a folder of their own that goes away at
# the end, and what a drawn SVG says, in a form that can be compared.

top_srcdir=${top_srcdir:-$(cd "$(dirname "$0")/.." && pwd)}
GNUPLOT=${GNUPLOT:-gnuplot}
plot=$top_srcdir/plot/mem.plot
fixtures=$top_srcdir/tests/fixtures

command -v "$GNUPLOT" >/dev/null 2>&1 || { echo "no gnuplot here"; exit 77; }

TZ=UTC0
export TZ
unset DISPLAY WAYLAND_DISPLAY GNUTERM COLUMNS LINES 2>/dev/null

work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' EXIT
trap 'exit 99' HUP INT TERM
cd "$work" || exit 99

failures=0
fail() { echo "FAIL: $*"; failures=$((failures + 1)); }
finish() { test "$failures" -eq 0; exit; }

# draw LOG FORMAT [OUT]: must succeed and say nothing.
draw() {
  "$GNUPLOT" -c "$plot" "$@" >stdout 2>stderr || fail "drawing $* ended with $?: $(cat stderr)"
  test ! -s stderr || fail "drawing $* said: $(cat stderr)"
}

# refuse TEXT LOG FORMAT [OUT]: must fail with one line that holds TEXT.
refuse() {
  text=$1
  shift
  if "$GNUPLOT" -c "$plot" "$@" >stdout 2>stderr; then fail "$* was accepted"; fi
  test "$(grep -c . stderr)" -eq 1 || fail "$*: not one line but: $(cat stderr)"
  case $(cat stderr) in
    "memlog: "*"$text"*) ;;
    *) fail "$*: no '$text' in: $(cat stderr)" ;;
  esac
  test ! -s stdout || fail "$*: something on the standard output: $(cat stdout)"
}

# curve NAME SVG: its points, one line each, "M x y" where the pen was lifted
# before and "L x y" else. The key's sample, the first two points, is left out.
curve() {
  awk -v name="$1" '
    index($0, "<title>" name) { inside = 1 }
    inside && /<path / { path = 1 }
    path { text = text " " $0 }
    path && /\/>/ { exit }
    END {
      sub(/.* d=\047/, "", text)
      sub(/\047.*/, "", text)
      n = split(text, point, " ")
      for (i = 3; i <= n; i++) {
        split(substr(point[i], 2), xy, ",")
        print substr(point[i], 1, 1), xy[1], xy[2]
      }
    }' "$2"
}

# base SVG: the height of 0 bytes, the corner of the two axes.
base() {
  sed -n "s/.* d='M[0-9.]*,[0-9.]* L[0-9.]*,\([0-9.]*\) L[0-9.]*,[0-9.]* M[0-9.]*,[0-9.]* M.*/\1/p" "$1" | head -1
}

# texts SVG: every written text, one line each.
texts() {
  sed -n 's/.*<text[^>]*>\(.*\)<\/text>.*/\1/p' "$1" | sed 's/<tspan[^>]*>//g; s/<\/tspan>//g'
}
has_text() { texts "$2" | grep -qxF -e "$1" || fail "$2 does not say '$1' but: $(texts "$2" | tr '\n' '|')"; }
has_no_text() { ! texts "$2" | grep -qF -e "$1" || fail "$2 says '$1'"; }

# proportional NAME COLUMN SAMPLES SVG: the curve goes through the samples, in
# their order, with x linear in the time and y linear in the bytes from 0 on.
proportional() {
  curve "$1" "$4" >points
  base=$(base "$4")
  paste -d ' ' points "$3" | awk -v name="$1" -v base="$base" -v column="$2" '
    NF < 6 { print name ": other than one point for each sample"; bad = 1; exit }
    { x[NR] = $2; y[NR] = base - $3; t[NR] = $4; v[NR] = $(column + 3) }
    v[NR] > v[top] { top = NR }
    t[NR] > t[last] || NR == 1 { last = NR }
    END {
      if (bad || NR < 2) { if (!bad) print name ": no points"; exit 1 }
      for (i = 1; i <= NR; i++) {
        want_x = x[1] + (x[last] - x[1]) * (t[i] - t[1]) / (t[last] - t[1])
        want_y = y[top] * v[i] / v[top]
        if (want_x - x[i] > .05 || x[i] - want_x > .05 || want_y - y[i] > .05 || y[i] - want_y > .05) {
          printf "%s: sample %d is at %g,%g, not at %g,%g\n", name, i, x[i], y[i], want_x, want_y
          exit 1
        }
      }
      # Tall and wide enough to be seen.
      if (x[last] - x[1] < 900 || y[top] < 50) { print name ": squashed"; exit 1 }
    }' || fail "the curve '$1' of $4"
}
