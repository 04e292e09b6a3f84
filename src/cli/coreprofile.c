/* SPDX-License-Identifier: MIT */
/* coreprofile.c - memlog core --profile, and the stacks of --top: the heap profile that the process
 * had in its memory. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/postmortem.h"
#include "cli/tools.h"
#include "cli/units.h"
#include "image/snapshot.h"
#include "os/process.h"

/* ---- the profile --------------------------------------------------------------------------------- */

static int each_mapping(void *context, ml_snapshot_mapping_taker *take, void *argument)
{
    const struct ml_core *core = context;
    for (size_t i = 0; i < core->mappings_count; i++) {
        const struct ml_core_mapping *mapping = &core->mappings[i];
        const struct ml_core_segment *segment = ml_core_segment_at(core, mapping->begin);
        take(&(struct ml_os_mapping){ .begin = mapping->begin, .end = mapping->end,
                                      .is_readable = true,
                                      .is_code = segment != NULL && segment->is_code,
                                      .offset = mapping->offset, .name = mapping->name,
                                      .name_length = strlen(mapping->name) },
             argument);
    }
    return 0;
}

/* When the process ended is when its core file was written. */
static void set_time(const struct ml_postmortem *dead, struct ml_snapshot *snapshot)
{
    struct stat status;
    if (fstat(dead->core.fd, &status) == 0)
        snapshot->time_ns = (uint64_t)status.st_mtim.tv_sec * 1000000000 +
                            (uint64_t)status.st_mtim.tv_nsec;
}

static int take(struct ml_postmortem *dead, struct ml_snapshot *snapshot)
{
    int error = ml_snapshot_take_dead(snapshot, dead->image, each_mapping, &dead->core);
    if (error != 0) {
        ml_postmortem_complain(dead, "the heap profile can't be read: ", error);
        return error;
    }
    set_time(dead, snapshot);
    if (snapshot->torn)
        ml_postmortem_complain(dead, "the heap profile was overwritten, or is not all in the file: what "
                                     "can be found of it is told", 0);
    return 0;
}

/* ---- into a file -------------------------------------------------------------------------------------- */

/* What was in it goes, unless it is the core file itself. */
static int open_empty(const struct ml_postmortem *dead, const char *path)
{
    struct stat core, file;
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0)
        return -errno;
    bool is_core = fstat(dead->core.fd, &core) == 0 && fstat(fd, &file) == 0 &&
                   core.st_dev == file.st_dev && core.st_ino == file.st_ino;
    int error = is_core ? -EEXIST : 0;
    if (!is_core && S_ISREG(file.st_mode) && ftruncate(fd, 0) != 0)
        error = -errno;
    if (error != 0)
        close(fd);
    return error != 0 ? error : fd;
}

static int write_file(const struct ml_postmortem *dead, const struct ml_module *tools,
                      const struct ml_snapshot *snapshot, const char *path)
{
    int fd = open_empty(dead, path);
    int error = fd < 0 ? fd : tools->write_profile(snapshot, fd);
    if (fd >= 0 && close(fd) != 0 && error == 0)
        error = -errno;
    if (error != 0)
        ml_os_complain("cannot write ", path, ": ",
                       error == -EEXIST ? "it is the core file" : ml_os_error_text(-error), NULL);
    return error;
}

int ml_core_write_profile(struct ml_postmortem *dead, const char *path)
{
    struct ml_snapshot snapshot;
    const struct ml_module *tools = ml_tools_load();
    if (tools == NULL || take(dead, &snapshot) != 0)
        return ML_CORE_FAILED;
    int error = 0;
    if (snapshot.rate == 0 && snapshot.buckets_count == 0) {
        ml_postmortem_complain(dead, "the process had no heap profile (MEMLOG_PROFILE_RATE=0)", 0);
        error = -ENOENT;
    } else {
        error = write_file(dead, tools, &snapshot, path);
    }
    ml_snapshot_free(&snapshot);
    return error == 0 ? 0 : ML_CORE_FAILED;
}

/* ---- the stacks that hold most ---------------------------------------------------------------------------- */

struct line {
    char *stack;
    uint64_t bytes;
};

static int by_bytes(const void *a, const void *b)
{
    uint64_t left = ((const struct line *)a)->bytes, right = ((const struct line *)b)->bytes;
    return left > right ? -1 : left < right;
}

/* "main;serve;parse 4096" is cut into its parts. Returns how many lines there are. */
static size_t split(char *text, struct line *lines)
{
    size_t count = 0;
    char *line;
    while ((line = strsep(&text, "\n")) != NULL) {
        char *space = strrchr(line, ' ');
        if (space == NULL)
            continue;
        *space = '\0';
        lines[count++] = (struct line){ line, strtoull(space + 1, NULL, 10) };
    }
    return count;
}

/* Innermost first, as far as a line goes. */
static void print_stack(const struct line *line)
{
    enum { FRAMES_MOST = 8 };
    char bytes[32];
    printf("  %12s  ", ml_bytes_text(line->bytes, bytes, sizeof(bytes)));
    for (int frames = 0;; frames++) {
        char *last = strrchr(line->stack, ';');
        printf("%s%s", frames == 0 ? "" : " < ", last == NULL ? line->stack : last + 1);
        if (last == NULL)
            break;
        *last = '\0';
        if (frames + 1 == FRAMES_MOST) {
            printf(" < ...");
            break;
        }
    }
    putchar('\n');
}

static void print_lines(char *text, unsigned most)
{
    size_t newlines = 1;
    for (const char *at = text; *at != '\0'; at++)
        newlines += *at == '\n';
    struct line *lines = malloc(newlines * sizeof(*lines));
    if (lines == NULL)
        return;
    size_t count = split(text, lines);
    qsort(lines, count, sizeof(*lines), by_bytes);
    if (count != 0)
        printf("stacks that hold most (of samples):\n");
    for (size_t i = 0; i < count && i < most; i++)
        print_stack(&lines[i]);
    free(lines);
}

void ml_core_print_stacks(struct ml_postmortem *dead, unsigned most)
{
    struct ml_snapshot snapshot;
    char *lines;
    const struct ml_module *tools = ml_tools_try();
    if (tools == NULL || take(dead, &snapshot) != 0)
        return;
    if (snapshot.buckets_count != 0 && tools->stacks(&snapshot, &lines) == 0) {
        print_lines(lines, most);
        free(lines);
    }
    ml_snapshot_free(&snapshot);
}
