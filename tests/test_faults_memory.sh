#!/bin/sh
# SPDX-License-Identifier: MIT
# test_faults_memory.sh - allocation, collection and threads, while each system
# call in turn fails once: mappings, their rights, clones, waits, signals.
. "${top_srcdir:-$(dirname "$0")/..}/tests/faults_common.sh"

for scenario in start heap collect deep release threads; do
  fail_each prog_faults_audited $scenario
done
test "$full" = 0 || for scenario in heap collect deep release threads; do
  fail_each prog_faults $scenario
done
fail_each prog_faults start
finish
