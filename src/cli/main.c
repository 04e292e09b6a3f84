/* SPDX-License-Identifier: MIT */
/* main.c - the command memlog: which of its parts is meant. */
#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/attach.h"
#include "cli/collapse.h"
#include "cli/core.h"
#include "cli/diff.h"
#include "cli/export.h"
#include "cli/help.h"
#include "cli/plot.h"
#include "cli/report.h"
#include "cli/run.h"
#include "cli/stat.h"
#include "config.h"
#include "os/process.h"

static const struct ml_subcommand commands[] = {
    { "attach", ml_cli_attach, "log what a running process uses" },
    { "collapse", ml_cli_collapse, "a heap profile's stacks for flame graphs" },
    { "core", ml_cli_core, "what a dead process used, out of its core file" },
    { "diff", ml_cli_diff, "what one run took more than another" },
    { "export", ml_cli_export, "a log as CSV, JSON, or for Prometheus" },
    { "plot", ml_cli_plot, "draw a log: memory over time" },
    { "report", ml_cli_report, "whether the memory in a log grows, how fast, and what it peaked at" },
    { "run", ml_cli_run, "run a program on memlog's heap, and log what it uses" },
    { "stat", ml_cli_stat, "print what memlog counts in a running process" },
};
enum { COMMANDS = sizeof(commands) / sizeof(commands[0]), WRONG_USE = 2 };

/* What we open takes none of the numbers that mean something: a message would be written
 * over the board, or into the log. A program that is run finds them closed as they were. What is
 * printed to an output that was closed is not lost without a word: it can't be written. */
static void fill_standard_descriptors(void)
{
    for (int fd = 0; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0)
            (void)open("/dev/null", (fd == STDOUT_FILENO ? O_RDONLY : O_RDWR) | O_CLOEXEC);
}

/* What is printed and no command looks after is not lost without a word either: the list, --help,
 * --version. With another status something was told already. */
static void finish_output(int status, void *unused)
{
    (void)unused;
    if (status != 0 || (fflush(stdout) == 0 && !ferror(stdout)))
        return;
    ml_os_complain("cannot write the standard output: ", ml_os_error_text(errno), NULL);
    _exit(argp_err_exit_status);
}

int main(int argc, char **argv)
{
    fill_standard_descriptors();
    argp_err_exit_status = WRONG_USE; /* of what is no command's */
    (void)on_exit(finish_output, NULL);
    const char *word = argc < 2 ? "" : argv[1];
    for (int i = 0; i < COMMANDS; i++)
        if (strcmp(word, commands[i].name) == 0)
            return commands[i].begin(argc - 1, argv + 1);
    if (strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0) {
        printf("memlog " PACKAGE_VERSION "\n");
        return 0;
    }
    if (strcmp(word, "help") == 0)
        return ml_help(argc - 1, argv + 1, commands, COMMANDS);
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
        ml_help_list(stdout, commands, COMMANDS);
        return 0;
    }
    if (argc >= 2)
        fprintf(stderr, "memlog: there is no command '%s'\n\n", word);
    ml_help_list(stderr, commands, COMMANDS);
    return WRONG_USE;
}
