/* SPDX-License-Identifier: MIT */
/* blocks.h - from a log's bytes, as they come, to its lines. Pure, and in bounded memory. */
#ifndef ML_READING_BLOCKS_H
#define ML_READING_BLOCKS_H

#include "reading/teller.h"

enum { ML_BLOCKS_BYTES = 256 * 1024 };

struct ml_blocks {
    struct ml_teller teller;
    size_t have;      /* bytes that are not looked at yet */
    bool is_skipping; /* a line that is too long, to its end */
    bool in_nuls;     /* a stretch of them goes on */
    char bytes[ML_BLOCKS_BYTES + 1 + ML_LINE_SLACK];
};

void ml_blocks_init(struct ml_blocks *blocks);
/* Where more bytes may be put, and how many: never none. */
char *ml_blocks_room(struct ml_blocks *blocks, size_t *room);
/* That many were put there. */
void ml_blocks_take(struct ml_blocks *blocks, const struct ml_log_visitor *visitor, size_t bytes);
/* The file ends here: what has no end was cut. Another file may follow. */
void ml_blocks_end_file(struct ml_blocks *blocks);

#endif
