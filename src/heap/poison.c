/* SPDX-License-Identifier: MIT */
#include "heap/poison.h"

#include <string.h>

#include "base/format.h"
#include "heap/spanmap.h"
#include "os/pages.h"
#include "os/process.h"

/* Of a long run: filled when it becomes free, and looked at when it is used.
 * Filling all would take memory for objects that were hardly touched. */
enum { RUN_PAGES_MOST = 256 };

bool ml_poison_on;

bool ml_poison_start(void)
{
    if (__atomic_load_n(&ml_map.base, __ATOMIC_ACQUIRE) != 0)
        return false;
    ml_poison_on = true;
    return true;
}

static uint64_t word_of(uint8_t byte) { return byte * UINT64_C(0x0101010101010101); }

/* The offset of the first byte that differs, or bytes. */
static size_t first_other(const void *at, size_t bytes, uint8_t wanted)
{
    const uint64_t *words = at;
    const uint8_t *each = at;
    size_t offset = 0;
    while (offset < bytes && words[offset / sizeof(*words)] == word_of(wanted))
        offset += sizeof(*words);
    while (offset < bytes && each[offset] == wanted)
        offset++;
    return offset;
}

/* what: the words between the address and the offset. */
static _Noreturn void die(const void *at, size_t bytes, size_t offset, const char *what)
{
    char where[ML_HEX_BYTES], found[ML_HEX_BYTES], size[24], place[24];
    struct ml_text text;
    uint64_t word;
    memcpy(&word, (const char *)at + offset / sizeof(word) * sizeof(word), sizeof(word));
    ml_text_init(&text, size, sizeof(size));
    ml_text_u64(&text, bytes);
    ml_text_finish(&text);
    ml_text_init(&text, place, sizeof(place));
    ml_text_u64(&text, offset);
    ml_text_finish(&text);
    ml_os_die("MEMLOG_GC_STRESS: ", ml_hex(where, (uintptr_t)at), what, size,
              " bytes: somebody wrote to it, at offset ", place, "; the word there is ",
              ml_hex(found, word), NULL);
}

void ml_poison_slot(void *slot, size_t bytes) { memset(slot, ML_POISON_BYTE, bytes); }

void ml_poison_check_slot(const void *slot, size_t bytes)
{
    size_t offset = first_other(slot, bytes, ML_POISON_BYTE);
    if (offset != bytes)
        die(slot, bytes, offset, " is a freed object of ");
}

uint64_t ml_poison_run(uintptr_t base, uint32_t pages)
{
    uint32_t filled = (uint32_t)ml_min(pages, RUN_PAGES_MOST);
    uintptr_t rest = base + ((uintptr_t)filled << ML_PAGE_SHIFT);
    uint64_t bytes = (uint64_t)(pages - filled) << ML_PAGE_SHIFT;
    memset((void *)base, ML_POISON_BYTE, (size_t)filled << ML_PAGE_SHIFT);
    if (bytes == 0)
        return 0;
    if (ml_os_release((void *)rest, bytes) != 0) {
        memset((void *)rest, ML_POISON_BYTE, bytes);
        return 0;
    }
    ml_backed_set(rest, pages - filled, false);
    return bytes;
}

void ml_poison_check_run(uintptr_t base, uint32_t pages)
{
    for (uint32_t page = 0; page < ml_min(pages, RUN_PAGES_MOST); page++) {
        uintptr_t at = base + ((uintptr_t)page << ML_PAGE_SHIFT);
        uint8_t wanted = ml_backed_count(at, 1) != 0 ? ML_POISON_BYTE : 0;
        size_t offset = first_other((const void *)at, ML_PAGE_BYTES, wanted);
        if (offset != ML_PAGE_BYTES)
            die((const void *)at, ML_PAGE_BYTES, offset, " is a free page of ");
    }
}
