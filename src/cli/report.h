/* SPDX-License-Identifier: MIT */
/* report.h - memlog report: what a log says. */
#ifndef ML_CLI_REPORT_H
#define ML_CLI_REPORT_H

int ml_cli_report(int argc, char **argv);

#endif
