/* SPDX-License-Identifier: MIT */
/* collapse.h - the stacks of a profile that is a file, for flamegraph.pl, speedscope and others. */
#ifndef ML_HTTP_COLLAPSE_H
#define ML_HTTP_COLLAPSE_H

#include "http/buffer.h"

/* The same of a profile in memory (not compressed), of what is in use. 0, -ENOMEM, or -EBADMSG. */
int ml_collapse_bytes(const struct ml_buffer *file, struct ml_buffer *folded);
/* memlog collapse [--type=TYPE] FILE; argv[0] is the word. Its exit status. */
int ml_collapse_main(int argc, char **argv);

#endif
