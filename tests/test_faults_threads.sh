#!/bin/sh
# SPDX-License-Identifier: MIT
# test_faults_threads.sh - threads that allocate and are stopped, and stacks
# that are deep, while each system call in turn fails once; and the start of
# the library as users link it.
. "${top_srcdir:-$(dirname "$0")/..}/tests/faults_common.sh"

fail_each prog_faults start
for scenario in threads deep; do
  fail_each prog_faults_audited $scenario
  test "$full" = 0 || fail_each prog_faults $scenario
done
finish
