/* SPDX-License-Identifier: MIT */
/* asset.c - /debug/memlog, the live page, and the files that belong to it. */
#include "http/assets.h"
#include "http/pages.h"

enum ml_progress ml_page_asset(struct ml_request *request)
{
    enum { NOT_FOUND = 404 };
    const struct ml_asset *asset = ml_asset_find(request->path);
    if (asset == NULL) {
        ml_reply_error(&request->reply, NOT_FOUND, "the page at /debug/memlog has no such file");
        return ML_ANSWERED;
    }
    request->reply.type = asset->type;
    request->reply.fixed = asset->bytes;
    request->reply.fixed_length = asset->length;
    return ML_ANSWERED;
}
