/* SPDX-License-Identifier: MIT */
#include "log/control.h"

#include <elf.h>
#include <string.h>
#include <sys/auxv.h>

#include "base/format.h"
#include "base/siphash.h"

void ml_control_name(char name[ML_MAILBOX_NAME_BYTES], pid_t pid)
{
    struct ml_text text;
    ml_text_init(&text, name, ML_MAILBOX_NAME_BYTES);
    ml_text_string(&text, "memlog/");
    ml_text_i64(&text, pid);
    ml_text_finish(&text);
}

/* Addresses that the kernel has chosen at random for this process, each by itself: of the stack,
 * of its own page and of the program. Whoever has the mailbox's name may be somebody else, and is
 * to learn none of them: so a hash is sent. */
enum { STACK, KERNELS_PAGE, PROGRAM, ADDRESSES };
static const uint64_t types[ADDRESSES] = { AT_RANDOM, AT_SYSINFO_EHDR, AT_PHDR };

static uint64_t key_of(const uint64_t addresses[ADDRESSES])
{
    const uint64_t secret[] = { addresses[STACK], addresses[PROGRAM] };
    bool is_known = secret[0] != 0 && secret[1] != 0;
    return is_known ? ml_siphash_word(secret, addresses[KERNELS_PAGE]) : 0;
}

uint64_t ml_control_own_key(void)
{
    uint64_t addresses[ADDRESSES];
    for (int i = 0; i < ADDRESSES; i++)
        addresses[i] = getauxval(types[i]);
    return key_of(addresses);
}

uint64_t ml_control_key_in(const void *auxv, size_t bytes)
{
    uint64_t addresses[ADDRESSES] = { 0 };
    for (size_t at = 0; at + 2 * sizeof(uint64_t) <= bytes; at += 2 * sizeof(uint64_t)) {
        uint64_t pair[2];
        memcpy(pair, (const char *)auxv + at, sizeof(pair));
        for (int i = 0; i < ADDRESSES; i++)
            if (pair[0] == types[i])
                addresses[i] = pair[1];
    }
    return key_of(addresses);
}

bool ml_control_is_request(const void *letter, ssize_t bytes)
{
    const struct ml_control_request *request = letter;
    return bytes == (ssize_t)sizeof(*request) &&
           memcmp(request->magic, ML_CONTROL_MAGIC, sizeof(request->magic)) == 0 &&
           request->version == ML_CONTROL_VERSION &&
           request->answer_to.length <= sizeof(request->answer_to.name);
}

bool ml_control_is_answer(const void *letter, ssize_t bytes, uint32_t number)
{
    const struct ml_control_answer *answer = letter;
    return bytes == (ssize_t)sizeof(*answer) &&
           memcmp(answer->magic, ML_CONTROL_MAGIC, sizeof(answer->magic)) == 0 &&
           answer->version == ML_CONTROL_VERSION && answer->number == number &&
           answer->stats_bytes == sizeof(answer->stats) &&
           answer->extra_bytes == sizeof(answer->extra);
}

void ml_control_begin_answer(struct ml_control_answer *answer, const struct ml_control_request *request)
{
    memset(answer, 0, sizeof(*answer));
    memcpy(answer->magic, ML_CONTROL_MAGIC, sizeof(answer->magic));
    answer->version = ML_CONTROL_VERSION;
    answer->number = request->number;
    answer->stats_bytes = sizeof(answer->stats);
    answer->extra_bytes = answer->extra.size = sizeof(answer->extra);
}
