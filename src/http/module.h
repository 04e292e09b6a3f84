/* SPDX-License-Identifier: MIT */
/* module.h - what the command memlog finds in memlog-tools.so, which it loads where pages or names
 * of functions are asked for: the large libraries behind those would otherwise be loaded at each start
 * of each program under memlog run.
 */
#ifndef ML_HTTP_MODULE_H
#define ML_HTTP_MODULE_H

#include "http/assets.h"
#include "http/dead.h"
#include "http/frames.h"
#include "http/server.h"
#include "http/settings.h"

#define ML_MODULE_SYMBOL "memlog_tools"

struct ml_module {
    unsigned bytes;      /* sizeof(struct ml_module): both are of one make */
    const char *version; /* the same */
    int (*settings)(struct ml_server_settings *settings, const char *address);
    int (*start)(struct ml_server **server, const struct ml_server_settings *settings,
                 const struct ml_source *source);
    void (*stop)(struct ml_server *server);
    int (*collapse)(int argc, char **argv); /* as collapse.h */
    /* as dead.h */
    int (*write_profile)(const struct ml_snapshot *snapshot, int fd);
    int (*stacks)(const struct ml_snapshot *snapshot, char **lines);
    bool (*variable)(const char *file, uint64_t address, char *text, size_t bytes);
    /* as frames.h */
    struct ml_frames *(*frames_open)(const struct ml_memory *memory, const struct ml_frames_file *files,
                                     size_t files_count);
    void (*frames_close)(struct ml_frames *frames);
    bool (*frames_over)(struct ml_frames *frames, const struct ml_frames_stack *stack, uintptr_t address,
                        char *text, size_t bytes);
    /* as plotassets.h */
    const struct ml_asset *(*plot_asset)(const char *name, size_t length);
};

#endif
