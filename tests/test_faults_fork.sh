#!/bin/sh
# SPDX-License-Identifier: MIT
# test_faults_fork.sh - children that log, while each system call in turn fails
# once, in whichever process: each child has a log in the end.
. "${top_srcdir:-$(dirname "$0")/..}/tests/faults_common.sh"

fail_each prog_faults_audited fork
test "$full" = 0 || fail_each prog_faults fork
finish
