/* SPDX-License-Identifier: MIT */
/* test_image_notes.c - the note that leads to memlog's root, and notes that lead nowhere. */
#include "image/notes.h"

#include <errno.h>
#include <string.h>

#include "memlog.h"
#include "stats/root.h"
#include "unit.h"

extern const char own_headers[] __asm__("__ehdr_start") __attribute__((visibility("hidden")));

static int read_own(void *unused, uintptr_t address, void *to, size_t bytes)
{
    (void)unused;
    if (address < 4096)
        return -EFAULT;
    memcpy(to, (const void *)address, bytes);
    return 0;
}
static const struct ml_memory own = { read_own, NULL };

START_TEST(the_root_is_where_the_note_says)
{
    memlog_free(memlog_malloc(1)); /* memlog is in it, as in a program that uses it */
    ck_assert_uint_eq(ml_notes_root(&own, (uintptr_t)own_headers), (uintptr_t)&memlog_root);
}
END_TEST

START_TEST(where_no_object_begins_there_is_no_root)
{
    static const char other[8192] = "\x7f" "ELF";
    ck_assert_uint_eq(ml_notes_root(&own, 0), 0);
    ck_assert_uint_eq(ml_notes_root(&own, (uintptr_t)other), 0);
    ck_assert_uint_eq(ml_notes_bias(&own, (uintptr_t)other), 0);
}
END_TEST

/* Three notes: another owner's, memlog's of another type, memlog's. */
static const uint32_t notes[] = {
    4, 8, 1, 0x00554e47, 11, 12,             /* "GNU" */
    7, 8, 2, 0x6c6d656d, 0x0000676f, 13, 14, /* "memlog" */
    7, 8, 1, 0x6c6d656d, 0x0000676f, 15, 16,
};

START_TEST(a_note_is_found_by_owner_type_and_size)
{
    const char *bytes = (const char *)notes;
    const char *found = ml_note_find(bytes, sizeof(notes), "memlog", 1, 8);
    ck_assert_ptr_eq(found, &notes[18]);
    ck_assert_ptr_eq(ml_note_find(bytes, sizeof(notes), "memlog", 2, 8), &notes[11]);
    ck_assert_ptr_null(ml_note_find(bytes, sizeof(notes), "memlog", 1, 4));
    ck_assert_ptr_null(ml_note_find(bytes, sizeof(notes), "memlo", 1, 8));
}
END_TEST

START_TEST(a_note_that_is_cut_is_none)
{
    uint32_t huge[] = { 7, UINT32_MAX, 1, 0x6c6d656d, 0x0000676f, 15, 16 };
    for (size_t bytes = 0; bytes < sizeof(notes); bytes++)
        ck_assert_ptr_null(ml_note_find((const char *)notes, bytes, "memlog", 1, 8));
    ck_assert_ptr_null(ml_note_find((const char *)huge, sizeof(huge), "memlog", 1, 8));
    huge[0] = UINT32_MAX;
    ck_assert_ptr_null(ml_note_find((const char *)huge, sizeof(huge), "memlog", 1, 8));
}
END_TEST

UNIT_MAIN("image notes", the_root_is_where_the_note_says, where_no_object_begins_there_is_no_root,
          a_note_is_found_by_owner_type_and_size, a_note_that_is_cut_is_none)
