/* SPDX-License-Identifier: MIT */
#include "cli/pages.h"

#include <errno.h>
#include <stdlib.h>

#include "cli/tools.h"
#include "config.h"
#include "os/process.h"

struct ml_pages {
    const struct ml_module *module;
    struct ml_server *server;
};

/* ---- the source ------------------------------------------------------------------------- */

static int read_numbers(void *recorder, struct memlog_memstats *stats, struct memlog_extra *extra)
{
    return ml_recorder_read(recorder, stats, extra);
}

static int read_cycles(struct ml_image *image, pid_t pid, void *cycles)
{
    (void)pid;
    *(uint64_t *)cycles = ml_image_cycles(image);
    return 0;
}

static uint64_t cycles(void *recorder)
{
    uint64_t count = 0;
    (void)ml_recorder_use(recorder, read_cycles, &count);
    return count;
}

struct wanted_cycle {
    uint64_t number;
    struct ml_gc_record *record;
};

static int read_cycle(struct ml_image *image, pid_t pid, void *argument)
{
    const struct wanted_cycle *wanted = argument;
    (void)pid;
    return ml_image_cycle(image, wanted->number, wanted->record) ? 0 : -ENOENT;
}

static bool cycle(void *recorder, uint64_t number, struct ml_gc_record *record)
{
    return ml_recorder_use(recorder, read_cycle, &(struct wanted_cycle){ number, record }) == 0;
}

static int read_profile(struct ml_image *image, pid_t pid, void *snapshot)
{
    return ml_snapshot_take(snapshot, image, pid);
}

static int take_profile(void *recorder, struct ml_snapshot *snapshot)
{
    return ml_recorder_use(recorder, read_profile, snapshot);
}

/* Nothing is called in the program. */
static int collect(void *recorder)
{
    (void)recorder;
    return -ENOTSUP;
}

/* ---- opening ------------------------------------------------------------------------------ */

struct ml_pages *ml_pages_open(const char *address, pid_t pid, struct ml_recorder *recorder, bool is_quiet)
{
    const struct ml_source source = { recorder, pid, read_numbers, cycles, cycle, take_profile, collect,
                                      NULL, NULL };
    struct ml_server_settings settings;
    struct ml_pages *pages = calloc(1, sizeof(*pages));
    if (pages == NULL) {
        ml_os_complain("there is no memory for the pages", NULL);
        return NULL;
    }
    pages->module = ml_tools_load();
    int error = pages->module == NULL ? -ENOENT : pages->module->settings(&settings, address);
    if (error == 0) {
        settings.version = PACKAGE_VERSION;
        settings.is_quiet = is_quiet;
        error = pages->module->start(&pages->server, &settings, &source);
    }
    if (error == 0)
        return pages;
    free(pages);
    return NULL;
}

void ml_pages_close(struct ml_pages *pages)
{
    if (pages == NULL)
        return;
    pages->module->stop(pages->server);
    free(pages);
}
