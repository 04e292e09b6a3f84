/* SPDX-License-Identifier: MIT */
#include "reading/blocks.h"

#include <string.h>

void ml_blocks_init(struct ml_blocks *blocks)
{
    ml_teller_init(&blocks->teller);
    blocks->have = 0;
    blocks->is_skipping = blocks->in_nuls = false;
    memset(blocks->bytes, 0, sizeof(blocks->bytes));
}

char *ml_blocks_room(struct ml_blocks *blocks, size_t *room)
{
    *room = ML_BLOCKS_BYTES - blocks->have;
    return blocks->bytes + blocks->have;
}

/* At a line's beginning: a file that was truncated beneath its writer has them there, in any number. */
static const char *skip_nuls(struct ml_blocks *blocks, const char *at, const char *end)
{
    const char *begin = at;
    struct ml_teller *teller = &blocks->teller;
    while (at < end && *at == '\0')
        at++;
    if (at != begin && !blocks->in_nuls)
        ml_damage_add(&teller->damage, ML_DAMAGE_NULS, teller->file, teller->line + 1);
    teller->damage.nul_bytes += (uint64_t)(at - begin);
    blocks->in_nuls = at == end && (blocks->in_nuls || at != begin);
    return at;
}

/* A line with its end from at on, or one that is too long. Where the next begins; NULL: there is
 * no end yet. */
static const char *take_line(struct ml_blocks *blocks, const struct ml_log_visitor *visitor, const char *at,
                             const char *end)
{
    const char *stop = memchr(at, '\n', (size_t)(end - at));
    size_t length = (size_t)((stop == NULL ? end : stop) - at);
    if (length > ML_LINE_BYTES_MOST && !blocks->is_skipping) {
        ml_teller_damaged(&blocks->teller, ML_DAMAGE_LONG);
        blocks->is_skipping = true;
    }
    if (stop == NULL)
        return blocks->is_skipping ? end : NULL;
    if (!blocks->is_skipping)
        ml_teller_line(&blocks->teller, visitor, at, length);
    blocks->is_skipping = false;
    return stop + 1;
}

/* As many as there are of the lines that a log mostly has. */
static const char *take_plain_lines(struct ml_blocks *blocks, const struct ml_log_visitor *visitor,
                                    const char *at, const char *end)
{
    struct ml_teller *teller = &blocks->teller;
    unsigned columns = ml_teller_columns(teller);
    const char *next;
    while (columns != 0 && (next = ml_line_parse_plain(at, end, columns, &teller->numbers)) != NULL) {
        ml_teller_plain(teller, visitor, at, (size_t)(next - 1 - at));
        at = next;
    }
    return at;
}

void ml_blocks_take(struct ml_blocks *blocks, const struct ml_log_visitor *visitor, size_t bytes)
{
    const char *at = blocks->bytes, *end = at + blocks->have + bytes, *next = at;
    blocks->bytes[blocks->have + bytes] = '\0'; /* no plain line reads on behind it */
    while (next != NULL && at < end) {
        if (!blocks->is_skipping) {
            at = take_plain_lines(blocks, visitor, at, end);
            at = skip_nuls(blocks, at, end);
        }
        next = at < end ? take_line(blocks, visitor, at, end) : NULL;
        if (next != NULL)
            at = next;
    }
    blocks->have = (size_t)(end - at);
    memmove(blocks->bytes, at, blocks->have);
}

void ml_blocks_end_file(struct ml_blocks *blocks)
{
    if (blocks->have != 0 && !blocks->is_skipping)
        ml_teller_damaged(&blocks->teller, ML_DAMAGE_CUT);
    blocks->have = 0;
    blocks->is_skipping = blocks->in_nuls = false;
    blocks->teller.file = 0;
    blocks->teller.line = 0;
}
