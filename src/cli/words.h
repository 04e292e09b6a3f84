/* SPDX-License-Identifier: MIT */
/* words.h - the words that a process was started with. */
#ifndef ML_CLI_WORDS_H
#define ML_CLI_WORDS_H

#include <stddef.h>
#include <sys/types.h>

enum { ML_WORDS_MOST = 64, ML_WORDS_BYTES = 4096 };

struct ml_words {
    char *list[ML_WORDS_MOST + 1]; /* the first of them; NULL behind them */
    char text[ML_WORDS_BYTES];     /* where they stand */
};

/* No words at all where the process is gone, or hides them. */
void ml_words_read(struct ml_words *words, pid_t pid);

#endif
