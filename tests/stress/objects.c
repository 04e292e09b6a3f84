/* SPDX-License-Identifier: MIT */
/* objects.c - single objects: every function that allocates, what comes back
 * looked at, and counted as the statistics have to. */
#include <errno.h>
#include <string.h>

#include "stress.h"

enum { TEXT_MOST = 200 };

/* ---- patterns ------------------------------------------------------------------ */

/* Never an address: those have no top bit. */
static uint64_t word(uint64_t seed, size_t i)
{
    return (seed + i * UINT64_C(0x9e3779b97f4a7c15)) | UINT64_C(1) << 63;
}

void fill(void *object, size_t size, uint64_t seed)
{
    uint64_t *words = object;
    for (size_t i = 0; i < size / 8; i++)
        words[i] = word(seed, i);
    uint64_t last = word(seed, size / 8);
    memcpy(&words[size / 8], &last, size % 8);
}

void check_filled(const void *object, size_t size, uint64_t seed, const char *what)
{
    const uint64_t *words = object;
    for (size_t i = 0; i < size / 8; i++)
        if (words[i] != word(seed, i))
            failed("%s of %zu bytes at %p: at offset %zu there is %#" PRIx64 ", not %#" PRIx64,
                   what, size, object, i * 8, words[i], word(seed, i));
    uint64_t last = word(seed, size / 8);
    if (memcmp(&words[size / 8], &last, size % 8) != 0)
        failed("%s of %zu bytes at %p has other last bytes", what, size, object);
}

static void check_zero(const void *object, size_t from, size_t to, const char *what)
{
    const unsigned char *bytes = object;
    for (size_t i = from; i < to; i++)
        if (bytes[i] != 0)
            failed("%s at %p is not zero: at offset %zu of %zu there is %#x", what, object, i, to,
                   bytes[i]);
}

/* ---- taking and giving ----------------------------------------------------------- */

static void *none(size_t size)
{
    if (errno != ENOMEM || !settings.limited)
        failed("no object of %zu bytes, errno %d", size, errno);
    add(&sums.refused, 1);
    return NULL;
}

/* Addresses of what this thread has taken last, hidden: they keep nothing alive. */
enum { LATEST = 64 };
static __thread struct {
    uintptr_t hidden[LATEST];
    unsigned count;
} latest;

static void note_latest(const void *object)
{
    latest.hidden[latest.count++ % LATEST] = ~(uintptr_t)object;
}

static void *taken(void *object, size_t size, size_t alignment, bool zeroed)
{
    if (object == NULL)
        return none(size);
    size_t usable = memlog_usable_size(object);
    if ((uintptr_t)object % alignment != 0)
        failed("%p is no multiple of %zu", object, alignment);
    if (usable < size)
        failed("%zu usable bytes at %p for %zu", usable, object, size);
    if (zeroed)
        check_zero(object, 0, usable, "a new object");
    add(&sums.mallocs, 1);
    add(&sums.malloc_bytes, block_of(object));
    note_latest(object);
    return object;
}

/* ---- types -------------------------------------------------------------------------- */

/* The same one each time. */
static const struct memlog_type *type_of(size_t size, unsigned pointers)
{
    unsigned long bitmap = (1ul << pointers) - 1;
    const struct memlog_type *type = memlog_type_new(size, &bitmap, 1);
    if (type == NULL && (errno != ENOMEM || !settings.limited))
        failed("no type of %zu bytes, errno %d", size, errno);
    if (type != NULL && memlog_type_new(size, &bitmap, 1) != type)
        failed("two types of %zu bytes are the same and two", size);
    return type;
}

void *take_typed(size_t size, unsigned pointers, uint64_t *random)
{
    const struct memlog_type *type = type_of(size, pointers);
    uintptr_t *words = type == NULL ? none(size)
                                    : taken(memlog_malloc_typed(type), size, 16, true);
    for (size_t i = pointers; words != NULL && i < size / sizeof(*words); i++)
        words[i] = ~latest.hidden[random_below(random, LATEST)];
    return words;
}

/* An array of it, of at least so many bytes. */
static void *take_array_of_type(size_t size, uint64_t *random)
{
    static const size_t elements[] = { 16, 24, 40, 256, 1000, 4096 };
    size_t element = elements[random_below(random, sizeof(elements) / sizeof(elements[0]))];
    const struct memlog_type *type = type_of(element, 1);
    size_t count = (size + element - 1) / element;
    return type == NULL ? none(size) : taken(memlog_calloc_typed(count, type), size, 16, true);
}

/* ---- of all sorts --------------------------------------------------------------------- */

void *take(size_t size, enum sort sort, uint64_t *random)
{
    switch (sort) {
    case NOSCAN: return taken(memlog_malloc_noscan(size), size, 16, false);
    case UNCOLLECTABLE: return taken(memlog_malloc_uncollectable(size), size, 16, true);
    case TYPED: return take_array_of_type(size, random);
    default:
        return taken(size != 0 && one_in(random, 8) ? memlog_realloc(NULL, size)
                                                    : memlog_malloc(size),
                     size, 16, true);
    }
}

void *take_aligned(size_t alignment, size_t size, bool noscan)
{
    return taken(noscan ? memlog_aligned_alloc_noscan(alignment, size)
                        : memlog_aligned_alloc(alignment, size),
                 size, alignment, !noscan);
}

void *take_array(size_t count, size_t size, bool noscan)
{
    return taken(noscan ? memlog_calloc_noscan(count, size) : memlog_calloc(count, size),
                 count * size, 16, true);
}

void give(void *object)
{
    if (object != NULL) {
        add(&sums.frees, 1);
        add(&sums.free_bytes, block_of(object));
    }
    int before = errno = (int)((uintptr_t)object >> 4 & 127);
    memlog_free(object);
    if (errno != before)
        failed("memlog_free of %p has changed errno", object);
}

void *resize(void *object, size_t old, size_t size, bool noscan)
{
    uintptr_t before = (uintptr_t)object;
    uint64_t block = block_of(object);
    char *resized = memlog_realloc(object, size);
    if (resized == NULL)
        return none(size);
    uint64_t after = block_of(resized);
    if (memlog_usable_size(resized) < size)
        failed("resized to %zu bytes, %p has less", size, (void *)resized);
    if (size > old && !noscan)
        check_zero(resized, old, size, "what a resized object has gained");
    if ((uintptr_t)resized != before) {
        add(&sums.mallocs, 1);
        add(&sums.frees, 1);
        add(&sums.malloc_bytes, after);
        add(&sums.free_bytes, block);
    } else if (after > block) {
        add(&sums.malloc_bytes, after - block);
    } else {
        add(&sums.free_bytes, block - after);
    }
    return resized;
}

/* Mostly small, seldom large; now and then exactly at a border. */
size_t random_size(uint64_t *random)
{
    static const size_t borders[] = { 0, 1, 16, 255, 256, 257, 1024, 8192, 32768, 65535, 65536, 81920 };
    uint64_t choice = random_below(random, 100);
    if (choice < 10)
        return borders[random_below(random, sizeof(borders) / sizeof(borders[0]))];
    unsigned bits = choice < 12 ? 20 : choice < 18 ? 16 : choice < 40 ? 12 : 8;
    return random_below(random, UINT64_C(1) << bits);
}

/* ---- rooms -------------------------------------------------------------------------- */

/* Letters, without a NUL. */
static void make_text(char text[TEXT_MOST], size_t length, uint64_t seed)
{
    for (size_t i = 0; i < length; i++)
        text[i] = (char)('a' + mix(seed + i) % 26);
    text[length] = '\0';
}

static void *new_text(size_t length, uint64_t seed)
{
    char text[TEXT_MOST];
    make_text(text, length, seed);
    char *copy = memlog_strdup(text);
    if (copy == NULL)
        return none(length + 1);
    add(&sums.mallocs, 1);
    add(&sums.malloc_bytes, block_of(copy));
    return copy;
}

static void check_text(const struct room *room)
{
    char text[TEXT_MOST];
    make_text(text, room->size, room->seed);
    if (memcmp(room->object, text, room->size + 1) != 0)
        failed("the text of %zu letters at %p has changed", room->size, room->object);
}

static void *new_object(size_t size, enum sort sort, uint64_t *random)
{
    bool noscan = sort == NOSCAN;
    if (sort == UNCOLLECTABLE || sort == TYPED)
        return take(size, sort, random);
    if (one_in(random, 8))
        return take_aligned((size_t)1 << random_below(random, 17), size, noscan);
    if (one_in(random, 6))
        return take_array(1 + size / 8, 8, noscan);
    return take(size, sort, random);
}

void furnish(struct room *room, uint64_t *random)
{
    struct room next = { .sort = (uint16_t)(1 + random_below(random, SORTS - 1)),
                         .seed = random_next(random) };
    if (!is_single(&next)) {
        structure_new(&next, random);
    } else if (next.sort == TEXT) {
        next.size = random_below(random, TEXT_MOST - 1);
        next.object = new_text(next.size, next.seed);
    } else {
        next.size = random_size(random);
        next.object = new_object(next.size, (enum sort)next.sort, random);
        if (next.object != NULL)
            fill(next.object, next.size, next.seed);
    }
    *room = next.object != NULL ? next : (struct room){ .sort = EMPTY };
}

/* To any size, or a little more or less: some of it happens in place. */
static void change_size(struct room *room, uint64_t *random)
{
    size_t size = one_in(random, 2) ? random_size(random)
                                    : room->size + random_below(random, 16384) / 2;
    size += size == 0;
    void *resized = resize(room->object, room->size, size, room->sort == NOSCAN);
    if (resized == NULL) {
        check_room(room); /* it is as it was */
        return;
    }
    room->object = resized;
    check_filled(resized, size < room->size ? size : room->size, room->seed, "a resized object");
    fill(resized, size, room->seed);
    room->size = size;
}

void change(struct room *room, uint64_t *random)
{
    if (room->sort == EMPTY || room->sort == TEXT)
        return;
    if (is_single(room))
        change_size(room, random);
    else
        structure_change(room, random);
}

void check_room(const struct room *room)
{
    static const char *const names[] = { "", "a scanned object", "a noscan object",
                                         "an uncollectable object",
                                         "an array of a type" };
    if (room->sort == EMPTY)
        return;
    if (!is_single(room))
        structure_check(room);
    else if (room->sort == TEXT)
        check_text(room);
    else
        check_filled(room->object, room->size, room->seed, names[room->sort]);
}

void clear(struct room *room, bool free_it)
{
    if (!is_single(room))
        structure_clear(room, free_it);
    else if (free_it || room->sort == UNCOLLECTABLE)
        give(room->object);
    *room = (struct room){ .sort = EMPTY };
}
