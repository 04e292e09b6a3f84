/* SPDX-License-Identifier: MIT */
/* reply.h - what a page answers, before the library has it. */
#ifndef ML_HTTP_REPLY_H
#define ML_HTTP_REPLY_H

#include <stdbool.h>
#include <stddef.h>

#include "http/buffer.h"

#define ML_TYPE_TEXT "text/plain; charset=utf-8"
#define ML_TYPE_HTML "text/html; charset=utf-8"
#define ML_TYPE_JSON "application/json; charset=utf-8"
#define ML_TYPE_BYTES "application/octet-stream"

struct ml_reply {
    unsigned status; /* 0: 200 */
    const char *type;
    const char *filename; /* what a browser saves it as; NULL: it shows it */
    const char *allow;    /* of a 405: the methods there are */
    const char *location; /* of a redirection */
    unsigned retry_after; /* seconds; 0: nothing is said */
    bool is_pprof_error;  /* says so in a header, as Go's do */
    struct ml_buffer body;
    const char *fixed; /* not NULL: this and not the body; it lives as long as the server */
    size_t fixed_length;
};

/* One line of text. */
void ml_reply_error(struct ml_reply *reply, unsigned status, const char *sentence);
/* The same for the numbers that can't be had: what to tell of that -errno. */
void ml_reply_unreadable(struct ml_reply *reply, int error);

#endif
