/* SPDX-License-Identifier: MIT */
/* tls_linux.c - thread-local blocks from the C library's per-thread table, and
 * the tables of thread-specific data from the thread's descriptor.
 *
 *   thread pointer -> +0 itself
 *                     +8 the table (DTV): [-1] its length, [0] its generation,
 *                        [n] the block of the n-th object that has such variables
 *
 * That layout is glibc's on x86_64, unchanged since 2004 (debuggers rely on it).
 */
#include "os/tls.h"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/bits.h"
#include "base/publish.h"
#include "os/pages.h"
#include "os/syscall_linux.h"

typedef void range_visitor(uintptr_t begin, uintptr_t end, void *argument);

uintptr_t ml_os_thread_pointer(void)
{
    return (uintptr_t)__builtin_thread_pointer();
}

/* --- the table -------------------------------------------------------------------- */

union table_entry {
    size_t count; /* in [-1] and [0] */
    struct {
        uintptr_t block;
        uintptr_t to_free; /* 0: beside the thread pointer, or not yet written */
    };
};
_Static_assert(sizeof(union table_entry) == 16, "glibc's dtv_t is two words");

#define BLOCK_NOT_ALLOCATED UINTPTR_MAX
/* More entries than objects can be loaded: a table in the middle of being replaced. */
#define MOST_TABLE_ENTRIES ((size_t)1 << 20)

ML_SCANS_FOREIGN_MEMORY
static const union table_entry *table_of(uintptr_t thread_pointer)
{
    const union table_entry *table = ((const union table_entry *const *)thread_pointer)[1];
    if (table == NULL || table[-1].count > MOST_TABLE_ENTRIES)
        return NULL;
    return table;
}

/* NULL: the thread has no such block. */
ML_SCANS_FOREIGN_MEMORY
static const union table_entry *entry_of(uintptr_t thread_pointer, size_t number)
{
    const union table_entry *table = table_of(thread_pointer);
    if (table == NULL || number > table[-1].count || table[number].block == BLOCK_NOT_ALLOCATED ||
        table[number].block == 0)
        return NULL;
    return &table[number];
}

/* --- a walk over all threads, for each object ------------------------------------- */

struct tls_walk {
    void (*each_thread)(ml_os_tls_visitor *one, void *argument);
    range_visitor *visit;
    void *argument;
    /* The object that is being asked about. */
    size_t number;
    size_t bytes;
    bool may_be_stale;
    size_t distance; /* of its block below each thread pointer; 0: elsewhere */
    /* How far the blocks beside the thread pointers reach down from there: the
     * same in all threads. */
    size_t static_bytes;
};

/* Is it in what is looked at anyway? */
static bool is_seen(const struct ml_os_tls_thread *thread, uintptr_t begin, uintptr_t end)
{
    return begin >= thread->seen && end <= thread->seen_end;
}

static void visit_block(const struct tls_walk *walk, uintptr_t begin, uintptr_t end)
{
    begin = ml_align_up(begin, sizeof(uintptr_t));
    end = ml_align_down(end, sizeof(uintptr_t));
    if (begin < end)
        walk->visit(begin, end, walk->argument);
}

/* Cut the block where memory ends. One that belonged to an unloaded library
 * stays in a thread's table until that thread next looks, under a number that
 * may be a larger library's by now. */
static uintptr_t readable_end(uintptr_t begin, uintptr_t end)
{
    size_t page = ml_os_page_bytes();
    for (uintptr_t at = begin; at < end; at = ml_align_down(at, page) + page)
        if (!ml_sys_is_readable(ml_align_down(at, sizeof(uintptr_t))))
            return at;
    return end;
}

/* --- the blocks of an object ------------------------------------------------------ */

/* Only the caller's table tells what is beside the thread pointers: another
 * thread may have been stopped when it had written a block's address, and not
 * yet what is to be freed. */
ML_SCANS_FOREIGN_MEMORY
static size_t distance_of(size_t number, size_t bytes)
{
    const union table_entry *entry = entry_of(ml_os_thread_pointer(), number);
    if (entry == NULL || entry->to_free != 0)
        return 0;
    size_t distance = ml_os_thread_pointer() - entry->block;
    return distance >= bytes ? distance : 0; /* less: an unloaded library's */
}

ML_SCANS_FOREIGN_MEMORY
static void visit_block_of_thread(const struct ml_os_tls_thread *thread, void *argument)
{
    const struct tls_walk *walk = argument;
    const union table_entry *entry = entry_of(thread->pointer, walk->number);
    if (entry == NULL)
        return;
    uintptr_t block = entry->block, end = block + walk->bytes;
    bool is_static = thread->pointer - block == walk->distance;
    if (is_seen(thread, block, end))
        return;
    if (!is_static && walk->may_be_stale)
        end = readable_end(block, end);
    visit_block(walk, block, end);
}

static const ElfW(Phdr) *find_tls_header(const struct dl_phdr_info *object)
{
    for (int i = 0; i < object->dlpi_phnum; i++)
        if (object->dlpi_phdr[i].p_type == PT_TLS)
            return &object->dlpi_phdr[i];
    return NULL;
}

static int visit_blocks_of_object(struct dl_phdr_info *object, size_t size, void *argument)
{
    (void)size;
    struct tls_walk *walk = argument;
    const ElfW(Phdr) *header = find_tls_header(object);
    if (object->dlpi_tls_modid == 0 || header == NULL)
        return 0;
    walk->number = object->dlpi_tls_modid;
    walk->bytes = header->p_memsz;
    walk->may_be_stale = object->dlpi_subs != 0;
    walk->distance = distance_of(walk->number, walk->bytes);
    walk->static_bytes = ml_max(walk->static_bytes, walk->distance);
    walk->each_thread(visit_block_of_thread, walk);
    return 0;
}

/* --- blocks that are in no table -------------------------------------------------- */

/* What the C library keeps free behind the blocks of the objects it started
 * with, for libraries that are loaded later and insist on such a place. Those
 * need not be in the table. (glibc 2.36, its default.) */
enum { STATIC_SURPLUS_BYTES = 1664 };

/* Blocks of libraries that were loaded later and placed beside the thread
 * pointer. Other threads have them on their stacks' upper ends; the main
 * thread's are nowhere else. */
static void visit_surplus(const struct tls_walk *walk, const struct ml_os_tls_thread *thread)
{
    uintptr_t end = thread->pointer - walk->static_bytes;
    uintptr_t begin = end - STATIC_SURPLUS_BYTES;
    if (is_seen(thread, begin, end))
        return;
    uintptr_t end_page = ml_align_down(end, ml_os_page_bytes());
    if (begin < end_page && !ml_sys_is_readable(ml_align_down(begin, sizeof(uintptr_t))))
        begin = end_page;
    visit_block(walk, begin, end);
}

/* --- thread-specific data --------------------------------------------------------- */

/* Where a thread's descriptor, which begins at the thread pointer, keeps
 * pointers to the tables of pthread_setspecific values. The C library tells
 * debuggers: bits of one element, how many elements, offset in the descriptor. */
struct field {
    uint32_t bits, count, offset;
};
static const struct field *specific_tables;
static uint32_t specific_table_bytes;
ML_PUBLISH("tls.specific_tables", specific_tables);
ML_PUBLISH("tls.specific_table_bytes", specific_table_bytes);
ML_PUBLISH_STRUCT(field);
ML_PUBLISH_MEMBER(field, bits);
ML_PUBLISH_MEMBER(field, count);
ML_PUBLISH_MEMBER(field, offset);

/* What debuggers are told can't be asked for in a static program: a value of ours shows where values
 * are, and the pointer to them where the tables are. */
enum { DESCRIPTOR_WORDS = 250, TABLES = 32, TABLE_BYTES = 512 };

static const uintptr_t *find_word(const uintptr_t *words, uintptr_t wanted)
{
    for (int i = 0; i < DESCRIPTOR_WORDS; i++)
        if (words[i] == wanted)
            return words + i;
    return NULL;
}

static const struct field *learn_by_trying(void)
{
    static struct field tables = { 8 * sizeof(uintptr_t), TABLES, 0 };
    static const char marker;
    const uintptr_t *descriptor = (const uintptr_t *)ml_os_thread_pointer(), *value = NULL, *first = NULL;
    pthread_key_t key;
    if (pthread_key_create(&key, NULL) != 0)
        return NULL;
    if (pthread_setspecific(key, &marker) == 0)
        value = find_word(descriptor, (uintptr_t)&marker);
    if (value != NULL) /* each behind a serial number, by key */
        first = find_word(descriptor, (uintptr_t)(value - 1 - 2 * key));
    (void)pthread_setspecific(key, NULL);
    (void)pthread_key_delete(key);
    if (first == NULL)
        return NULL;
    tables.offset = (uint32_t)((const char *)first - (const char *)descriptor);
    return &tables;
}

void ml_os_learn_tls(void)
{
    static const uint32_t table_bytes = TABLE_BYTES;
    if (__atomic_load_n(&specific_tables, __ATOMIC_RELAXED) != NULL)
        return;
    int saved = errno;
    const struct field *tables = dlsym(RTLD_DEFAULT, "_thread_db_pthread_specific");
    const uint32_t *bytes = dlsym(RTLD_DEFAULT, "_thread_db_sizeof_pthread_key_data_level2");
    errno = saved;
    if (tables == NULL || bytes == NULL) {
        tables = learn_by_trying();
        bytes = &table_bytes;
    }
    if (tables == NULL)
        return;
    specific_table_bytes = *bytes;
    __atomic_store_n(&specific_tables, tables, __ATOMIC_RELEASE);
}

ML_SCANS_FOREIGN_MEMORY
static void visit_specific(const struct tls_walk *walk, const struct ml_os_tls_thread *thread)
{
    const struct field *tables = __atomic_load_n(&specific_tables, __ATOMIC_ACQUIRE);
    if (tables == NULL)
        return;
    const uintptr_t *table = (const uintptr_t *)(thread->pointer + tables->offset);
    uint32_t count = tables->bits * tables->count / (8 * sizeof(*table));
    for (uint32_t i = 0; i < count; i++) {
        uintptr_t begin = table[i], end = begin + specific_table_bytes;
        if (begin != 0 && !is_seen(thread, begin, end)) /* a thread on its way out frees them */
            visit_block(walk, begin, readable_end(begin, end));
    }
}

/* --- all -------------------------------------------------------------------------- */

static void visit_rest_of_thread(const struct ml_os_tls_thread *thread, void *argument)
{
    const struct tls_walk *walk = argument;
    if (table_of(thread->pointer) == NULL)
        return;
    visit_surplus(walk, thread);
    visit_specific(walk, thread);
}

void ml_os_each_tls_block(void (*each_thread)(ml_os_tls_visitor *one, void *argument),
                          range_visitor *visit, void *argument)
{
    struct tls_walk walk = { .each_thread = each_thread, .visit = visit, .argument = argument };
    dl_iterate_phdr(visit_blocks_of_object, &walk);
    each_thread(visit_rest_of_thread, &walk);
}
