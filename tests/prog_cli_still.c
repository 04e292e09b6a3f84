/* SPDX-License-Identifier: MIT */
/* prog_cli_still.c - a program with memlog in it that holds still and says what it counts, for
 * who counts it from outside.
 *
 *   prog_cli_still SAID END     until the file END is there, MemStats as JSON stand in SAID, and
 *                               a line, memlog_extra's size and bytes in hexadecimal, in SAID.extra
 *   prog_cli_still SAID END older   the same, and it looks as if memlog of another version were in it
 *
 * MEMLOG_FILE: it has a log. Built by the tests, in all the ways in which memlog comes into a program.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <memlog.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void *volatile kept[2000];

/* Under a preload, malloc is the other door into the same heap. */
static void *use_the_heap(void *from)
{
    for (size_t i = (size_t)(uintptr_t)from; i < sizeof(kept) / sizeof(kept[0]); i += 2) {
        kept[i] = i % 4 < 2 ? memlog_malloc_uncollectable(i * 70) : malloc(i * 30);
        memlog_free(memlog_malloc_noscan(i));
    }
    return NULL;
}

/* Nothing here allocates: the numbers are the same afterwards. */
static void write_whole(const char *path, const char *text, size_t length)
{
    char beside[256];
    snprintf(beside, sizeof(beside), "%s.new", path);
    int fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0 || write(fd, text, length) != (ssize_t)length || close(fd) != 0 || rename(beside, path) != 0)
        _exit(99);
}

static void say(const char *path)
{
    static char text[20480], beside[256];
    static struct memlog_memstats stats;
    struct memlog_extra extra = { .size = sizeof(extra) };
    memlog_read_memstats(&stats);
    memlog_read_extra(&extra);
    int length = memlog_memstats_json(&stats, text, sizeof(text));
    text[length] = '\n';
    write_whole(path, text, (size_t)length + 1);
    length = 0;
    for (size_t i = 0; i < sizeof(extra); i++)
        length += sprintf(text + length, "%02x", ((const unsigned char *)&extra)[i]);
    snprintf(beside, sizeof(beside), "%s.extra", path);
    write_whole(beside, text, (size_t)length);
}

/* As stats/root.h has it. */
static void look_older(void)
{
    struct {
        char magic[8];
        uint32_t version, bytes;
        uint64_t layout;
    } *root = dlsym(RTLD_DEFAULT, "memlog_root");
    if (root == NULL)
        _exit(97);
    root->layout--;
}

int main(int argc, char **argv)
{
    const struct timespec some = { 0, 20000000 };
    pthread_t thread;
    if (argc < 3)
        return 98;
    if (pthread_create(&thread, NULL, use_the_heap, (void *)1) != 0 || use_the_heap(NULL) != NULL)
        return 99;
    pthread_join(thread, NULL);
    memlog_gc();
    if (getenv("MEMLOG_FILE") != NULL && memlog_log_start(NULL) != 0)
        return 96;
    if (argc > 3 && strcmp(argv[3], "older") == 0)
        look_older();
    while (access(argv[2], F_OK) != 0) {
        say(argv[1]);
        nanosleep(&some, NULL);
    }
    return 0;
}
