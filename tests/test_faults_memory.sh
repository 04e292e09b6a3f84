#!/bin/sh
# SPDX-License-Identifier: MIT
# test_faults_memory.sh - the start, allocation, collection and release, while
# each system call in turn fails once: mappings, their rights, clones, waits.
. "${top_srcdir:-$(dirname "$0")/..}/tests/faults_common.sh"

for scenario in start heap collect release; do
  fail_each prog_faults_audited $scenario
  test "$full" = 0 || fail_each prog_faults $scenario
done
finish
