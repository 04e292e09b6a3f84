/* SPDX-License-Identifier: MIT */
/* prog_cli_act.c - a program for `memlog run`, that knows nothing of memlog and does what
 * its arguments say, one after the other:
 *
 *   alloc N     N blocks of 1000 bytes, kept
 *   free N      that many of them again
 *   wait FILE   until the file is there
 *   say FILE    make it
 *   uordblks FILE   write what mallinfo2() says is in use
 *   signals     say the name of each signal that comes, from now on (USR1, USR2, TERM, HUP)
 *   fork        go on in a child, and end without waiting for it
 *   spawn FILE  run it in a child by fork and exec, and wait for it
 *   churn FILE  until the file is there, allocate and free large blocks
 *   hide N      nobody may look into it any more: it is not dumpable
 *   interrupt N N children, one after the other, that a signal's handler ends while they allocate
 *   stuff       fill the pipe that stdout is, and leave it something more: exit() waits for a reader
 *   setuid N    become that user
 *   exit N, _exit N, kill N
 *   exec ...    become this program again, with what follows
 */
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void nap(void)
{
    const struct timespec ms = { 0, 2000000 };
    nanosleep(&ms, NULL);
}

static void *volatile kept;

static void keep(int blocks)
{
    for (int i = 0; i < blocks; i++) {
        void **block = malloc(1000);
        *block = kept;
        kept = block;
    }
}

static void free_some(int blocks)
{
    for (int i = 0; i < blocks && kept != NULL; i++) {
        void **block = kept;
        kept = *block;
        free(block);
    }
}

static void stuff(void)
{
    static const char some[1000];
    int flags = fcntl(STDOUT_FILENO, F_GETFL);
    fcntl(STDOUT_FILENO, F_SETFL, flags | O_NONBLOCK);
    while (write(STDOUT_FILENO, some, 1) == 1 || write(STDOUT_FILENO, some, sizeof(some)) > 0)
        ;
    fcntl(STDOUT_FILENO, F_SETFL, flags);
    fwrite(some, 1, sizeof(some), stdout);
}

static void say(const char *path)
{
    FILE *file = fopen(path, "w");
    if (file == NULL || fclose(file) != 0)
        exit(99);
}

static void write_in_use(const char *path)
{
    size_t bytes = mallinfo2().uordblks; /* before the stream takes its buffer */
    FILE *file = fopen(path, "w");
    if (file == NULL || fprintf(file, "%zu\n", bytes) < 0 || fclose(file) != 0)
        exit(99);
}

static void name_signal(int signal)
{
    const char *name = sigabbrev_np(signal);
    if (write(1, name, strlen(name)) < 0 || write(1, "\n", 1) < 0)
        _exit(99);
}

static void name_signals(void)
{
    struct sigaction action = { .sa_handler = name_signal };
    const int those[] = { SIGUSR1, SIGUSR2, SIGTERM, SIGHUP };
    for (size_t i = 0; i < sizeof(those) / sizeof(those[0]); i++)
        sigaction(those[i], &action, NULL);
}

static void wait_for(pid_t child)
{
    if (waitpid(child, NULL, 0) != child)
        exit(99);
}

static void spawn(char *path)
{
    pid_t child = fork();
    if (child == 0) {
        execl(path, path, NULL);
        _exit(99);
    }
    wait_for(child);
}

static void end_at_once(int unused)
{
    (void)unused;
    _exit(0);
}

/* Large blocks: the figures of the heap's pages change all the time. */
static void churn(int times)
{
    for (int i = 0; i < times; i++) {
        void *volatile block = malloc(300000);
        free(block);
    }
}

_Noreturn static void allocate_until_interrupted(int microseconds)
{
    const struct itimerval once = { .it_value = { 0, microseconds } };
    signal(SIGALRM, end_at_once);
    setitimer(ITIMER_REAL, &once, NULL);
    for (;;)
        churn(1000);
}

static void interrupt(int children)
{
    for (int i = 0; i < children; i++) {
        pid_t child = fork();
        if (child == 0)
            allocate_until_interrupted(200 + i % 97);
        wait_for(child);
    }
}

int main(int argc, char **argv)
{
    (void)argc;
    for (char **word = argv + 1; *word != NULL; word++) {
        const char *act = *word;
        if (strcmp(act, "signals") == 0)
            name_signals();
        else if (strcmp(act, "stuff") == 0)
            stuff();
        else if (strcmp(act, "fork") == 0) {
            if (fork() != 0)
                _exit(0);
        } else if (strcmp(act, "exec") == 0) {
            *word = argv[0];
            execv("/proc/self/exe", word);
            return 99;
        } else if (*++word == NULL)
            return 98;
        else if (strcmp(act, "alloc") == 0)
            keep(atoi(*word));
        else if (strcmp(act, "free") == 0)
            free_some(atoi(*word));
        else if (strcmp(act, "spawn") == 0)
            spawn(*word);
        else if (strcmp(act, "churn") == 0)
            while (access(*word, F_OK) != 0)
                churn(1000);
        else if (strcmp(act, "hide") == 0)
            prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
        else if (strcmp(act, "interrupt") == 0)
            interrupt(atoi(*word));
        else if (strcmp(act, "wait") == 0)
            while (access(*word, F_OK) != 0)
                nap();
        else if (strcmp(act, "say") == 0)
            say(*word);
        else if (strcmp(act, "setuid") == 0) {
            if (setuid((uid_t)atoi(*word)) != 0)
                return 97;
        } else if (strcmp(act, "uordblks") == 0)
            write_in_use(*word);
        else if (strcmp(act, "exit") == 0)
            exit(atoi(*word));
        else if (strcmp(act, "_exit") == 0)
            _exit(atoi(*word));
        else if (strcmp(act, "kill") == 0)
            kill(getpid(), atoi(*word));
        else
            return 98;
    }
    return 0;
}
