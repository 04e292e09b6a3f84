/* SPDX-License-Identifier: MIT */
/* export.h - memlog export: a log in a format that other programs read. */
#ifndef ML_CLI_EXPORT_H
#define ML_CLI_EXPORT_H

int ml_cli_export(int argc, char **argv);

#endif
