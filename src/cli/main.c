/* SPDX-License-Identifier: MIT */
/* main.c - the command memlog: which of its parts is meant. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/attach.h"
#include "cli/collapse.h"
#include "cli/run.h"
#include "config.h"

static const struct {
    const char *name;
    int (*begin)(int argc, char **argv);
    const char *help;
} commands[] = {
    { "attach", ml_cli_attach, "log what a running process uses" },
    { "collapse", ml_cli_collapse, "a heap profile's stacks for flame graphs" },
    { "run", ml_cli_run, "run a program on memlog's heap, and log what it uses" },
};
enum { COMMANDS = sizeof(commands) / sizeof(commands[0]), WRONG_USE = 2 };

static void list_commands(FILE *to)
{
    fprintf(to, "usage: memlog COMMAND [OPTION...]\n\n");
    for (int i = 0; i < COMMANDS; i++)
        fprintf(to, "  %-8s %s\n", commands[i].name, commands[i].help);
    fprintf(to, "\nmemlog COMMAND --help says more; memlog --version which memlog this is.\n");
}

/* What we open takes none of the numbers that mean something: a message would be written
 * over the board, or into the log. A program that is run finds them closed as they were. */
static void fill_standard_descriptors(void)
{
    int fd;
    do
        fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0)
        close(fd);
}

int main(int argc, char **argv)
{
    fill_standard_descriptors();
    const char *word = argc < 2 ? "" : argv[1];
    for (int i = 0; i < COMMANDS; i++)
        if (strcmp(word, commands[i].name) == 0)
            return commands[i].begin(argc - 1, argv + 1);
    if (strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0) {
        printf("memlog " PACKAGE_VERSION "\n");
        return 0;
    }
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0) {
        list_commands(stdout);
        return 0;
    }
    if (argc >= 2)
        fprintf(stderr, "memlog: there is no command '%s'\n\n", word);
    list_commands(stderr);
    return WRONG_USE;
}
