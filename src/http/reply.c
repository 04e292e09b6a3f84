/* SPDX-License-Identifier: MIT */
#include "http/reply.h"

#include <errno.h>

#include "os/process.h"

void ml_reply_error(struct ml_reply *reply, unsigned status, const char *sentence)
{
    ml_buffer_free(&reply->body);
    reply->fixed = NULL;
    reply->filename = NULL;
    reply->status = status;
    reply->type = ML_TYPE_TEXT;
    ml_buffer_string(&reply->body, sentence);
    ml_buffer_string(&reply->body, "\n");
}

void ml_reply_unreadable(struct ml_reply *reply, int error)
{
    enum { UNAVAILABLE = 503 };
    const char *why = ml_os_error_text(-error);
    switch (error) {
    case -EAGAIN:
        why = "the program has not said where its numbers are yet";
        break;
    case -ESRCH:
        why = "the program has ended";
        break;
    case -ESTALE:
        why = "the program has become another one, in which there is no memlog";
        break;
    case -EPERM:
        why = "the system does not let this process read the program's memory";
        break;
    case -ENOTSUP:
        why = "the program has another version of memlog in it";
        break;
    default:
        break;
    }
    reply->retry_after = 1;
    ml_reply_error(reply, UNAVAILABLE, why);
}
