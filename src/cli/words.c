/* SPDX-License-Identifier: MIT */
#include "cli/words.h"

#include <stdio.h>
#include <string.h>

#include "os/living.h"
#include "os/process.h"

void ml_words_read(struct ml_words *words, pid_t pid)
{
    char path[ML_OS_LIVING_BYTES];
    ssize_t length = ml_os_read_file(ml_os_living_file(path, pid, "/cmdline"), words->text, sizeof(words->text));
    int count = 0;
    for (char *at = words->text; length > 0 && at < words->text + length && count < ML_WORDS_MOST;
         at += strlen(at) + 1)
        words->list[count++] = at;
    words->list[count] = NULL;
}
