/* SPDX-License-Identifier: MIT */
#include "cli/command.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static size_t length_of(char *const *list)
{
    size_t length = 0;
    while (list[length] != NULL)
        length++;
    return length;
}

/* The strings stay where they are when setenv puts others into their places. */
int ml_command_remember(struct ml_command_origin *origin)
{
    size_t length = length_of(environ);
    sigprocmask(SIG_BLOCK, NULL, &origin->mask);
    origin->environment = malloc((length + 1) * sizeof(char *));
    if (origin->environment == NULL)
        return -ENOMEM;
    memcpy(origin->environment, environ, (length + 1) * sizeof(char *));
    return 0;
}

static bool is_among(const char *entry, char *const *variables, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strncmp(entry, variables[i], strcspn(variables[i], "=") + 1) == 0)
            return true;
    return false;
}

/* The variables first, then what was there, unless it is one of them. NULL: no memory. */
static char **make_environment(char *const *old, char *const *variables, size_t count)
{
    char **made = malloc((length_of(old) + count + 1) * sizeof(char *));
    if (made == NULL)
        return NULL;
    memcpy(made, variables, count * sizeof(char *));
    size_t length = count;
    for (; *old != NULL; old++)
        if (!is_among(*old, variables, count))
            made[length++] = *old;
    made[length] = NULL;
    return made;
}

/* In the child. memlog run ignores SIGPIPE for itself. */
_Noreturn static void become(const struct ml_command_origin *origin, char *const *arguments,
                             char *const *environment)
{
    enum { CANNOT_BEGIN = 127 }; /* as the shell has it */
    int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
    setpgid(0, 0);
    signal(SIGPIPE, SIG_DFL);
    sigprocmask(SIG_SETMASK, &origin->mask, NULL);
    if (nothing >= 0 && dup2(nothing, STDIN_FILENO) >= 0)
        execve("/bin/sh", arguments, environment);
    _exit(CANNOT_BEGIN);
}

/* By fork: this process is small, and vfork would have it wait for the exec. */
pid_t ml_command_start(const struct ml_command_origin *origin, const char *text,
                       char *const *variables, size_t count)
{
    char *arguments[] = { "sh", "-c", (char *)text, NULL };
    char **environment = make_environment(origin->environment, variables, count);
    if (environment == NULL)
        return -ENOMEM;
    pid_t pid = fork();
    int error = pid < 0 ? errno : 0;
    if (pid == 0)
        become(origin, arguments, environment);
    free(environment);
    return pid < 0 ? -error : pid;
}
