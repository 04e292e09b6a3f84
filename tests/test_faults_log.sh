#!/bin/sh
# SPDX-License-Identifier: MIT
# test_faults_log.sh - a log is started, written and ended, three times, while
# each system call in turn fails once: every line is whole or marked as cut,
# every sample is there or counted as lost.
. "${top_srcdir:-$(dirname "$0")/..}/tests/faults_common.sh"

fail_each prog_faults_audited log
test "$full" = 0 || fail_each prog_faults log
finish
