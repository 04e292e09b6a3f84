#!/bin/sh
# SPDX-License-Identifier: MIT
# test_house_bootstrap.sh - bootstrap, with all it calls replaced: what it
# installs, what it prints for who may not, what it hands to configure.
. "${top_srcdir:-$(dirname "$0")/..}/tests/script.sh"

mkdir "$work/tree" "$work/bin" || exit 99
cp "$top_srcdir/bootstrap" "$work/tree/" || exit 99
cd "$work" || exit 99

for tool in sh sed cat rm dirname; do
  ln -s "$(command -v "$tool")" "bin/$tool"
done
script() { cat >"$1" && chmod +x "$1"; }
# Packages are installed when their names are in the file.
script bin/dpkg-query <<END
#!/bin/sh
while read -r package; do
  case " \$* " in *" \$package "*) echo 'install ok installed'; exit 0 ;; esac
done <$work/installed
exit 1
END
script bin/id <<END
#!/bin/sh
cat $work/user
END
script bin/nproc <<'END'
#!/bin/sh
echo 2
END
for tool in apt-get autoreconf make; do
  script "bin/$tool" <<END
#!/bin/sh
echo "$tool \$*" >>$work/calls
test ! -f $work/$tool.fails || { echo "$tool fails"; exit 1; }
END
done
script tree/configure <<END
#!/bin/sh
echo "configure \$*" >>$work/calls
END

# bootstrap STATUS ARGUMENTS...: ends so; stdout, stderr and calls tell the rest.
bootstrap() {
  expected=$1
  shift
  : >calls
  PATH=$work/bin ./tree/bootstrap "$@" >stdout 2>stderr </dev/null
  status=$?
  test "$status" -eq "$expected" || fail "bootstrap $* ends with $status: $(cat stdout stderr)"
}
called() { grep -qxF -e "$1" calls || fail "it did not call '$1' but: $(tr '\n' ';' <calls)"; }
calls_nothing() { test ! -s calls || fail "it called $(tr '\n' ';' <calls)"; }
says() { grep -qF -e "$2" "$1" || fail "no '$2' in $1: $(cat "$1")"; }

sed -n "s/^\(basic\|full\|programs\|pages\)='\(.*\)'/\2/p" tree/bootstrap | tr ' ' '\n' >packages
basic=$(sed -n "s/^basic='\(.*\)'/\1/p" tree/bootstrap | tr ' ' '\n')
for package in gcc make autoconf automake libtool pkg-config check gnuplot-nox g++ golang-go libmicrohttpd-dev prometheus; do
  grep -qxF "$package" packages || fail "$package is not on the list"
done

echo 0 >user
cp packages installed
bootstrap 0 --help
says stdout './bootstrap --full'
calls_nothing
bootstrap 2 --fast
says stderr "unknown option '--fast'"
calls_nothing

# Nothing is missing.
bootstrap 0
called 'autoreconf --install --force'
called 'configure --quiet'
called 'make -s -j2'
grep -q apt-get calls && fail "it calls apt-get for nothing"
bootstrap 0 -- --prefix=/opt/memlog --disable-static
called 'configure --quiet --prefix=/opt/memlog --disable-static'

# Something is missing, and the user may install it, or not.
echo "$basic" | grep -vx -e gnuplot-nox -e check >installed
bootstrap 0
called 'apt-get update -qq'
called 'apt-get install -y --no-install-recommends check gnuplot-nox -qq'
called 'make -s -j2'
echo 1000 >user
bootstrap 1
says stderr 'sudo apt-get update && sudo apt-get install -y --no-install-recommends check gnuplot-nox'
calls_nothing
echo "$basic" >installed
bootstrap 0
bootstrap 1 --full
says stderr ' gdb '
says stderr 'golang-go'
says stderr ' nginx '
calls_nothing
cp packages installed
bootstrap 0 --full

# What fails is shown and is the end.
: >autoreconf.fails
bootstrap 1
says stderr 'autoreconf fails'
grep -q '^configure' calls && fail "it goes on after autoreconf has failed"
rm autoreconf.fails
: >apt-get.fails
echo 0 >user
: >installed
bootstrap 1
grep -q '^autoreconf' calls && fail "it goes on after apt-get has failed"

# Another system: it says what it needs, and tries.
rm bin/dpkg-query
bootstrap 0
says stderr 'no dpkg here'
says stderr 'gnuplot-nox'
called 'make -s -j2'
finish
