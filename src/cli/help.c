/* SPDX-License-Identifier: MIT */
#include "cli/help.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/preload.h"
#include "os/process.h"

enum { WRONG_USE = 2 };

void ml_help_list(FILE *to, const struct ml_subcommand *commands, size_t count)
{
    fprintf(to, "usage: memlog COMMAND [OPTION...]\n\n");
    for (size_t i = 0; i < count; i++)
        fprintf(to, "  %-8s %s\n", commands[i].name, commands[i].help);
    fprintf(to, "  %-8s %s\n", "help", "this list; help COMMAND: its manual page");
    fprintf(to, "\nmemlog COMMAND --help says more; memlog --version which memlog this is.\n");
}

/* ---- pages ----------------------------------------------------------------------- */

/* As packages compress them. */
static bool is_there(char path[PATH_MAX])
{
    static const char *const endings[] = { "", ".gz", ".xz", ".zst" };
    size_t length = strlen(path);
    for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
        snprintf(path + length, PATH_MAX - length, "%s", endings[i]);
        if (access(path, R_OK) == 0)
            return true;
    }
    return false;
}

/* In the tree that this program was built in; where it was moved to as a whole; where it was
 * to be installed. */
static bool find_file(char path[PATH_MAX], const char *name, int section)
{
    char folder[PATH_MAX];
    ml_own_folder(folder, sizeof(folder));
    if (snprintf(path, PATH_MAX, "%s/man/%s", folder, name) < PATH_MAX && is_there(path))
        return true;
    if (snprintf(path, PATH_MAX, "%s/../share/man/man%d/%s", folder, section, name) < PATH_MAX &&
        is_there(path))
        return true;
    return snprintf(path, PATH_MAX, MEMLOG_MANDIR "/man%d/%s", section, name) < PATH_MAX &&
           is_there(path);
}

/* "run": memlog-run(1). "memory.log", "memlog_malloc": of that name. */
static bool find_page(char path[PATH_MAX], const char *topic)
{
    static const struct {
        const char *before;
        int section;
    } kinds[] = { { "memlog-", 1 }, { "", 1 }, { "", 5 }, { "", 3 } };
    char name[NAME_MAX];
    if (strchr(topic, '/') != NULL)
        return false;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        int length = snprintf(name, sizeof(name), "%s%s.%d", kinds[i].before, topic,
                              kinds[i].section);
        if (length < (int)sizeof(name) && find_file(path, name, kinds[i].section))
            return true;
    }
    return false;
}

/* ---- what is asked for ------------------------------------------------------------ */

static const struct ml_subcommand *find(const char *name, const struct ml_subcommand *commands,
                                        size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(name, commands[i].name) == 0)
            return &commands[i];
    return NULL;
}

static int say_help(const struct ml_subcommand *command)
{
    static char help[] = "--help";
    char *words[] = { (char *)command->name, help, NULL };
    return command->begin(2, words);
}

static bool is_about_itself(const char *topic)
{
    return strcmp(topic, "--help") == 0 || strcmp(topic, "-h") == 0 || strcmp(topic, "-?") == 0;
}

int ml_help(int argc, char **argv, const struct ml_subcommand *commands, size_t count)
{
    char page[PATH_MAX];
    const char *topic = argc < 2 ? "--help" : argv[1];
    if (argc > 2) {
        ml_os_complain("help: one page at a time: \"", argv[2], "\" is one too many", NULL);
        return WRONG_USE;
    }
    if (is_about_itself(topic)) {
        ml_help_list(stdout, commands, count);
        return EXIT_SUCCESS;
    }
    bool has_page = find_page(page, topic);
    if (has_page)
        execlp("man", "man", page, (char *)NULL);
    int error = errno;
    const struct ml_subcommand *command = find(topic, commands, count);
    if (command != NULL)
        return say_help(command);
    if (has_page)
        ml_os_complain("cannot run man: ", ml_os_error_text(error), "; the page is ", page, NULL);
    else
        ml_os_complain("help: there is no command and no page '", topic,
                       "' here (memlog help lists the commands)", NULL);
    return has_page ? EXIT_FAILURE : WRONG_USE;
}
