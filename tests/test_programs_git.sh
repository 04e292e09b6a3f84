#!/bin/sh
# SPDX-License-Identifier: MIT
# test_programs_git.sh - git under memlog run: thousands of files and hundreds of commits are
# written, packed by several threads, cloned, read and checked as without.
. "${top_srcdir:-$(dirname "$0")/..}/tests/script.sh"
. "$top_srcdir/tests/programs_common.sh"
need git git
unless_full git init -q repository

HOME=$work GIT_CONFIG_NOSYSTEM=1
export HOME GIT_CONFIG_NOSYSTEM
git config --global user.name Somebody
git config --global user.email somebody@localhost
git config --global pack.threads 4
git config --global core.pager cat
git config --global advice.detachedHead false
git config --global init.defaultBranch main

# Same files, same dates: the names of all commits are the same.
cat >history.awk <<'END'
function blob(text) { printf "data %d\n%s\n", length(text), text }
BEGIN {
  for (c = 1; c <= 400; c++) {
    printf "commit refs/heads/main\ncommitter Somebody <somebody@localhost> %d +0000\n", 1700000000 + c * 60
    blob("change " c)
    for (f = 0; f < 20; f++) {
      text = ""
      for (line = 0; line < 40; line++)
        text = text "line " line " of " (c * 20 + f) % 3000 " " (line == c % 40 ? "changed in " c : "") "\n"
      printf "M 100644 inline folder%d/file%d.txt\n", (c * 20 + f) % 50, (c * 20 + f) % 3000
      blob(text)
    }
    print ""
  }
}
END
awk -f history.awk >history

cat >work.sh <<'END'
set -e
rm -rf repository copy bundle
git init -q repository
cd repository
git fast-import --quiet <../history
git checkout -q main
git gc --aggressive --prune=now --quiet
git repack -adfq --window=50 --depth=50
git log -p --stat | md5sum
git log --oneline | wc -l
git blame -s folder1/file1.txt | md5sum
git fsck --full --strict
echo more >>folder2/file2.txt
git checkout -q -b side HEAD~20
echo other >new.txt
git add new.txt
GIT_AUTHOR_DATE='1700100000 +0000' GIT_COMMITTER_DATE='1700100000 +0000' git commit -qam side
git checkout -q main
GIT_AUTHOR_DATE='1700100060 +0000' GIT_COMMITTER_DATE='1700100060 +0000' git merge -q --no-edit side
git rev-parse HEAD
git grep -c 'changed in 39' | sort | head
git archive HEAD | tar t | wc -l
git bundle create -q ../bundle main
cd ..
git clone -q --no-local repository copy
git -C copy fsck
git -C copy diff --stat HEAD~300 | tail -n 1
git bundle verify -q bundle
git -C copy status --short | wc -l
END
for where in without with; do
  $where git sh work.sh
done
same git

# Each by itself has a log, too.
rm -rf copy
under clone.log git clone -q --no-local repository copy || fail "clone: $?"
good_log clone.log 'reason=exit status=0'
under log.log git -C copy log -p >log.with || fail "log -p: $?"
git -C copy log -p | cmp -s - log.with || fail "log -p differs"
good_log log.log 'reason=exit status=0'
under gc.log git -C copy gc --aggressive --quiet || fail "gc: $?"
good_log gc.log 'reason=exit status=0'
finish
