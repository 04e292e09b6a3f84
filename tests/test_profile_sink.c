/* SPDX-License-Identifier: MIT */
/* test_profile_sink.c - what comes out of a descriptor, framed and not; and what does not. */
#include "profile/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "heap/alloc.h"
#include "heap/metadata.h"
#include "unit.h"

enum { BYTES = 200000, FRAME_MOST = BYTES + 1000 };

static uint8_t content[BYTES], written[FRAME_MOST], unpacked[BYTES];

static int scratch_file(void)
{
    ck_assert_int_eq(ml_heap_init(), 0);
    ck_assert_int_eq(ml_thread_attach(false), 0);
    for (unsigned i = 0; i < BYTES; i++)
        content[i] = (uint8_t)(i * 7 + i / 1000);
    int fd = open("/tmp", O_TMPFILE | O_RDWR, 0600);
    ck_assert_int_ge(fd, 0);
    return fd;
}

static size_t write_pieces(int fd, bool gzip)
{
    struct ml_sink sink;
    ck_assert_int_eq(ml_sink_begin(&sink, fd, gzip), 0);
    for (size_t at = 0, some = 1; at < BYTES; at += some, some = some * 3 % 50021) {
        some = some > BYTES - at ? BYTES - at : some;
        ml_sink_put(&sink, content + at, some);
    }
    ck_assert_int_eq(ml_sink_end(&sink), 0);
    ck_assert_uint_eq(ml_metadata_inuse(ML_POOL_PROFILE), 0);
    ssize_t got = pread(fd, written, sizeof(written), 0);
    ck_assert_int_ge(got, BYTES);
    return (size_t)got;
}

START_TEST(plainly)
{
    ck_assert_uint_eq(write_pieces(scratch_file(), false), BYTES);
    ck_assert_mem_eq(written, content, BYTES);
}
END_TEST

static unsigned two(const uint8_t *at) { return at[0] | (unsigned)at[1] << 8; }
static uint32_t four(const uint8_t *at) { return two(at) | two(at + 2) << 16; }

/* A frame with stored blocks alone can be read by hand. */
START_TEST(in_a_gzip_frame)
{
    size_t got = write_pieces(scratch_file(), true), at = 10, filled = 0;
    ck_assert_mem_eq(written, "\x1f\x8b\x08\x00", 4);
    for (bool last = false; !last;) {
        const uint8_t *block = written + at;
        unsigned length = two(block + 1);
        ck_assert_uint_le(block[0], 1);
        last = block[0] == 1;
        ck_assert_uint_eq(two(block + 3), ~length & 0xffff);
        ck_assert_uint_le(filled + length, BYTES);
        memcpy(unpacked + filled, block + 5, length);
        filled += length;
        at += 5 + length;
    }
    ck_assert_uint_eq(filled, BYTES);
    ck_assert_mem_eq(unpacked, content, BYTES);
    ck_assert_uint_eq(four(written + at), ml_crc32(0, content, BYTES));
    ck_assert_uint_eq(four(written + at + 4), BYTES);
    ck_assert_uint_eq(at + 8, got);
}
END_TEST

START_TEST(the_checksum_is_that_of_the_standard)
{
    ck_assert_uint_eq(ml_crc32(0, "123456789", 9), 0xcbf43926);
    ck_assert_uint_eq(ml_crc32(ml_crc32(0, "1234", 4), "56789", 5), 0xcbf43926);
    ck_assert_uint_eq(ml_crc32(0, "", 0), 0);
}
END_TEST

START_TEST(what_goes_wrong_is_said_once_and_for_all)
{
    struct ml_sink sink;
    int ends[2];
    close(scratch_file());
    ck_assert_int_eq(pipe(ends), 0);
    close(ends[0]); /* no signal comes of it */
    ck_assert_int_eq(ml_sink_begin(&sink, ends[1], true), 0);
    ml_sink_put(&sink, content, BYTES);
    ck_assert_int_eq(ml_sink_end(&sink), -EPIPE);
    ck_assert_int_eq(ml_sink_begin(&sink, -1, false), 0);
    ml_sink_put(&sink, content, 1);
    ck_assert_int_eq(ml_sink_end(&sink), -EBADF);
    ck_assert_uint_eq(ml_metadata_inuse(ML_POOL_PROFILE), 0);
}
END_TEST

UNIT_MAIN("profile sink", plainly, in_a_gzip_frame, the_checksum_is_that_of_the_standard,
          what_goes_wrong_is_said_once_and_for_all)
