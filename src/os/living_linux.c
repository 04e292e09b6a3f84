/* SPDX-License-Identifier: MIT */
#include "os/living.h"

#include <stdbool.h>
#include <string.h>

#include "base/format.h"
#include "os/folder.h"
#include "os/process.h"
#include "os/procfile_linux.h"

static bool has_memory(const char *folder)
{
    char statm[ML_PROC_PATH_BYTES];
    return ml_os_rss_bytes_of(ml_proc_path(statm, folder, "/statm")) != 0;
}

struct search {
    char *path;
    const char *threads; /* the folder of them */
    bool is_found;
};

static bool try_thread(const char *name, void *argument)
{
    struct search *search = argument;
    struct ml_text text;
    ml_text_init(&text, search->path, ML_OS_LIVING_BYTES);
    ml_text_string(&text, search->threads);
    ml_text_string(&text, "/");
    ml_text_string(&text, name);
    ml_text_finish(&text);
    search->is_found = has_memory(search->path);
    return !search->is_found;
}

const char *ml_os_living(char path[ML_OS_LIVING_BYTES], const char *proc)
{
    static const char own[] = "/proc/thread-self";
    char threads[ML_PROC_PATH_BYTES];
    if (has_memory(proc))
        return proc;
    if (strcmp(proc, "/proc/self") == 0 && has_memory(own))
        return own;
    struct search search = { path, ml_proc_path(threads, proc, "/task"), false };
    ml_os_each_entry(threads, try_thread, &search);
    return search.is_found ? path : proc;
}

const char *ml_os_living_file(char path[ML_OS_LIVING_BYTES], pid_t pid, const char *file)
{
    char number[32], folder[ML_OS_LIVING_BYTES];
    struct ml_text text;
    ml_text_init(&text, number, sizeof(number));
    ml_text_string(&text, "/proc/");
    ml_text_i64(&text, pid);
    ml_text_finish(&text);
    const char *living = ml_os_living(folder, pid == 0 ? "/proc/self" : number);
    ml_text_init(&text, path, ML_OS_LIVING_BYTES);
    ml_text_string(&text, living);
    ml_text_string(&text, file);
    ml_text_finish(&text);
    return path;
}
