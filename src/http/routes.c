/* SPDX-License-Identifier: MIT */
#include "http/routes.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "http/pages.h"

/* One that ends in a slash stands for what is below it, too, unless that has a row. */
static const struct {
    const char *path;
    ml_handler *handle;
    bool takes_post;
} routes[] = {
    { "/debug/memlog/data", ml_page_live_data, false },
    { "/debug/memlog/", ml_page_asset, false },
    { "/debug/memlog", ml_page_asset, false },
    { "/debug/mem", ml_page_mem, false },
    { "/debug/vars", ml_page_vars, false },
    { "/debug/gc", ml_page_cycles, false },
    { "/metrics", ml_page_metrics, false },
};

static ml_handler *handler_of(const char *path, bool *takes_post)
{
    *takes_post = false;
    if (strcmp(path, "/") == 0 || strcmp(path, "/debug") == 0 || strcmp(path, "/debug/") == 0)
        return ml_page_index;
    if (strcmp(path, "/debug/pprof") == 0)
        return ml_page_pprof_folder;
    if (strcmp(path, "/debug/pprof/") == 0)
        return ml_page_pprof_index;
    for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
        size_t length = strlen(routes[i].path);
        bool is_folder = routes[i].path[length - 1] == '/';
        if (is_folder ? strncmp(path, routes[i].path, length) != 0 : strcmp(path, routes[i].path) != 0)
            continue;
        *takes_post = routes[i].takes_post;
        return routes[i].handle;
    }
    return NULL;
}

ml_handler *ml_route_find(const char *path, const char *method, struct ml_reply *reply)
{
    enum { NOT_FOUND = 404, NOT_ALLOWED = 405 };
    bool takes_post;
    ml_handler *handle = handler_of(path, &takes_post);
    if (handle == NULL) {
        ml_reply_error(reply, NOT_FOUND, "there is no such page; /debug/ lists those that there are");
        return NULL;
    }
    bool is_read = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
    if (is_read || (takes_post && strcmp(method, "POST") == 0))
        return handle;
    reply->allow = takes_post ? "GET, HEAD, POST" : "GET, HEAD";
    ml_reply_error(reply, NOT_ALLOWED, "pages are read, with GET");
    return NULL;
}
