/* SPDX-License-Identifier: MIT */
/* segments_linux.c - data segments from the loader's list of objects,
 * thread-local blocks from the C library's per-thread table, the rest from
 * /proc/self/maps.
 *
 *   thread pointer -> +0 itself
 *                     +8 the table (DTV): [-1] its length, [0] its generation,
 *                        [n] the block of the n-th object that has such variables
 *
 * That layout is glibc's on x86_64, unchanged since 2004 (debuggers rely on it).
 */
#include "os/segments.h"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>

#include "base/bits.h"
#include "os/pages.h"
#include "os/syscall_linux.h"
#include "os/thread.h"

/* The loader's own variable: where the main thread's stack began. */
extern void *__libc_stack_end;

/* --- the loader's lock --------------------------------------------------------- */

struct locked_call {
    void (*body)(void *);
    void *argument;
    bool made;
};

static int make_locked_call(struct dl_phdr_info *object, size_t size, void *argument)
{
    (void)object;
    (void)size;
    struct locked_call *call = argument;
    call->made = true;
    call->body(call->argument);
    return 1; /* do not go on to the next object */
}

void ml_os_with_loader_locked(void (*body)(void *), void *argument)
{
    struct locked_call call = { body, argument, false };
    dl_iterate_phdr(make_locked_call, &call);
    /* No list of objects, no loader that could change it. */
    if (!call.made)
        body(argument);
}

/* --- data segments ---------------------------------------------------------------- */

typedef void range_visitor(uintptr_t begin, uintptr_t end, void *argument);

struct range {
    uintptr_t begin;
    uintptr_t end;
};

struct segment_walk {
    range_visitor *visit;
    void *argument;
    bool is_first;
};

static struct range range_of(const struct dl_phdr_info *object, const ElfW(Phdr) *header)
{
    uintptr_t begin = object->dlpi_addr + header->p_vaddr;
    return (struct range){ begin, begin + header->p_memsz };
}

/* Is the object the one that this code was linked into? */
static bool contains_this_code(const struct dl_phdr_info *object)
{
    static const char landmark = 1;
    uintptr_t address = (uintptr_t)&landmark;
    for (int i = 0; i < object->dlpi_phnum; i++) {
        if (object->dlpi_phdr[i].p_type != PT_LOAD)
            continue;
        struct range range = range_of(object, &object->dlpi_phdr[i]);
        if (address >= range.begin && address < range.end)
            return true;
    }
    return false;
}

/* The pages that the loader made read-only once it had filled in the
 * addresses: nothing there can point into a heap. Whole pages only, rounded
 * down at both ends, as the loader does it. */
static struct range read_only_after_relocation(const struct dl_phdr_info *object)
{
    for (int i = 0; i < object->dlpi_phnum; i++) {
        if (object->dlpi_phdr[i].p_type != PT_GNU_RELRO)
            continue;
        struct range range = range_of(object, &object->dlpi_phdr[i]);
        return (struct range){ ml_align_down(range.begin, ml_os_page_bytes()),
                               ml_align_down(range.end, ml_os_page_bytes()) };
    }
    return (struct range){ 0, 0 };
}

static void visit_words(const struct segment_walk *walk, uintptr_t begin, uintptr_t end)
{
    begin = ml_align_up(begin, sizeof(uintptr_t));
    end = ml_align_down(end, sizeof(uintptr_t));
    if (begin < end)
        walk->visit(begin, end, walk->argument);
}

static void visit_without(const struct segment_walk *walk, struct range segment, struct range hole)
{
    if (hole.begin >= segment.end || hole.end <= segment.begin) {
        visit_words(walk, segment.begin, segment.end);
        return;
    }
    visit_words(walk, segment.begin, hole.begin);
    visit_words(walk, hole.end, segment.end);
}

static int visit_object(struct dl_phdr_info *object, size_t size, void *argument)
{
    (void)size;
    struct segment_walk *walk = argument;
    bool is_program = walk->is_first;
    walk->is_first = false;
    /* A library's own data holds nothing of the program's; a program that
     * memlog is linked into keeps its data in the same segment. */
    if (!is_program && contains_this_code(object))
        return 0;
    struct range read_only = read_only_after_relocation(object);
    for (int i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = &object->dlpi_phdr[i];
        if (header->p_type == PT_LOAD && (header->p_flags & PF_W) != 0)
            visit_without(walk, range_of(object, header), read_only);
    }
    return 0;
}

void ml_os_each_segment(range_visitor *visit, void *argument)
{
    struct segment_walk walk = { visit, argument, true };
    dl_iterate_phdr(visit_object, &walk);
}

/* --- thread-local blocks ------------------------------------------------------------ */

/* What the C library keeps free behind the blocks of the objects it started
 * with, for libraries that are loaded later and insist on such a place. Those
 * need not be in the table. (glibc 2.36, its default.) */
enum { STATIC_SURPLUS_BYTES = 1664 };

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

/* Can a word be read there? The kernel looks at the set before it looks at
 * what to do with it, and does nothing for an unknown action. */
static bool is_readable(uintptr_t address)
{
    enum { NO_SUCH_ACTION = 99 };
    return ml_sys_sigmask(NO_SUCH_ACTION, (const uint64_t *)address, NULL) == -EINVAL;
}

/* Cut the block where memory ends. One that belonged to an unloaded library
 * stays in a thread's table until that thread next looks, under a number that
 * may be a larger library's by now. */
static uintptr_t readable_end(uintptr_t begin, uintptr_t end)
{
    size_t page = ml_os_page_bytes();
    for (uintptr_t at = begin; at < end; at = ml_align_down(at, page) + page)
        if (!is_readable(ml_align_down(at, sizeof(uintptr_t))))
            return at;
    return end;
}

static const ElfW(Phdr) *find_tls_header(const struct dl_phdr_info *object)
{
    for (int i = 0; i < object->dlpi_phnum; i++)
        if (object->dlpi_phdr[i].p_type == PT_TLS)
            return &object->dlpi_phdr[i];
    return NULL;
}

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
    if (begin < end_page && !is_readable(ml_align_down(begin, sizeof(uintptr_t))))
        begin = end_page;
    visit_block(walk, begin, end);
}

/* --- thread-specific data ------------------------------------------------------- */

/* Where a thread's descriptor, which begins at the thread pointer, keeps
 * pointers to the tables of pthread_setspecific values. The C library tells
 * debuggers: bits of one element, how many elements, offset in the descriptor. */
struct field {
    uint32_t bits, count, offset;
};
static const struct field *specific_tables;
static uint32_t specific_table_bytes;

static void learn_specific(void)
{
    if (specific_tables != NULL)
        return;
    const struct field *tables = dlsym(RTLD_DEFAULT, "_thread_db_pthread_specific");
    const uint32_t *bytes = dlsym(RTLD_DEFAULT, "_thread_db_sizeof_pthread_key_data_level2");
    if (tables == NULL || bytes == NULL)
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

static void visit_rest_of_thread(const struct ml_os_tls_thread *thread, void *argument)
{
    const struct tls_walk *walk = argument;
    if (table_of(thread->pointer) == NULL)
        return;
    visit_surplus(walk, thread);
    visit_specific(walk, thread);
}

uintptr_t ml_os_thread_pointer(void)
{
    return (uintptr_t)__builtin_thread_pointer();
}

void ml_os_each_tls_block(void (*each_thread)(ml_os_tls_visitor *one, void *argument),
                          range_visitor *visit, void *argument)
{
    struct tls_walk walk = { .each_thread = each_thread, .visit = visit, .argument = argument };
    dl_iterate_phdr(visit_blocks_of_object, &walk);
    each_thread(visit_rest_of_thread, &walk);
}

/* --- mappings --------------------------------------------------------------------- */

/* Reads "7f12a000-7f12c000 rw-p ..." byte by byte, so that a line may
 * straddle two reads. */
enum maps_part { MAPS_BEGIN, MAPS_END, MAPS_RIGHTS, MAPS_REST };

struct maps_reader {
    uintptr_t address;
    struct range mapping;
    enum maps_part part;
    unsigned rights; /* letters of the rights seen in this line */
    bool readable;
    bool writable;
};

static uintptr_t append_hex(uintptr_t value, char digit)
{
    unsigned low = digit <= '9' ? (unsigned)(digit - '0') : (unsigned)(digit - 'a' + 10);
    return value << 4 | low;
}

static void begin_line(struct maps_reader *reader)
{
    *reader = (struct maps_reader){ .address = reader->address };
}

static void take_right(struct maps_reader *reader, char right)
{
    reader->readable |= right == 'r';
    reader->writable |= right == 'w';
    if (++reader->rights == 4)
        reader->part = MAPS_REST;
}

static void take_byte(struct maps_reader *reader, char byte)
{
    if (byte == '\n')
        begin_line(reader);
    else if (reader->part == MAPS_BEGIN && byte == '-')
        reader->part = MAPS_END;
    else if (reader->part == MAPS_BEGIN)
        reader->mapping.begin = append_hex(reader->mapping.begin, byte);
    else if (reader->part == MAPS_END && byte == ' ')
        reader->part = MAPS_RIGHTS;
    else if (reader->part == MAPS_END)
        reader->mapping.end = append_hex(reader->mapping.end, byte);
    else if (reader->part == MAPS_RIGHTS)
        take_right(reader, byte);
}

/* Is this line, read up to its rights, the one we look for? */
static bool is_found(const struct maps_reader *reader)
{
    return reader->part == MAPS_REST && reader->address >= reader->mapping.begin &&
           reader->address < reader->mapping.end;
}

static bool find_in_chunk(struct maps_reader *reader, const char *bytes, long count)
{
    for (long i = 0; i < count; i++) {
        take_byte(reader, bytes[i]);
        if (is_found(reader))
            return true;
    }
    return false;
}

/* 0, or -errno when the file can't be read; *found says whether it is there. */
static int look_up_in_maps(struct maps_reader *reader, bool *found)
{
    char chunk[1024];
    long got = 0;
    int fd = ml_sys_open_read("/proc/self/maps");
    if (fd < 0)
        return fd;
    *found = false;
    while (!*found && (got = ml_sys_read(fd, chunk, sizeof(chunk))) > 0)
        *found = find_in_chunk(reader, chunk, got);
    ml_sys_close(fd);
    return got < 0 ? (int)got : 0;
}

/* Asked first whether there is a mapping: reading below a stack lets it grow. */
static bool is_readable_page(uintptr_t page)
{
    unsigned char is_in_memory;
    return ml_syscall3(SYS_mincore, (long)page, (long)ml_os_page_bytes(), (long)&is_in_memory) ==
               0 &&
           is_readable(page);
}

/* Page by page from the address outwards, as far as any stack reaches. */
static bool probe_around(uintptr_t address, struct range *mapping)
{
    const size_t FURTHEST = (size_t)64 << 20;
    size_t page = ml_os_page_bytes();
    uintptr_t begin = ml_align_down(address, page), end = begin + page;
    if (!is_readable_page(begin))
        return false;
    while (address - begin < FURTHEST && is_readable_page(begin - page))
        begin -= page;
    while (end - address < FURTHEST && is_readable_page(end))
        end += page;
    *mapping = (struct range){ begin, end };
    return true;
}

bool ml_os_mapping_around(uintptr_t address, uintptr_t *begin, uintptr_t *end)
{
    struct maps_reader reader = { .address = address };
    bool found;
    if (look_up_in_maps(&reader, &found) != 0)
        found = probe_around(address, &reader.mapping);
    else
        found = found && reader.readable && reader.writable;
    if (!found)
        return false;
    *begin = reader.mapping.begin;
    *end = reader.mapping.end;
    return true;
}

/* --- the stack ---------------------------------------------------------------------- */

/* Of the thread that was seen on the first stack: in a coroutine it is still
 * the one whose stack that is. */
static uintptr_t first_thread_pointer;

/* The mapping that the kernel started the program on: to its very end, where
 * the arguments and the environment are. */
static bool find_first_stack(struct range *stack)
{
    return ml_os_mapping_around((uintptr_t)__libc_stack_end, &stack->begin, &stack->end);
}

/* Not so a thread that became its process's only one by fork(). */
static bool is_on_first_stack(uintptr_t frame, struct range *stack)
{
    bool is_on_it = ml_os_tid() == ml_os_pid() && find_first_stack(stack) &&
                    frame >= stack->begin && frame < stack->end;
    if (is_on_it)
        __atomic_store_n(&first_thread_pointer, ml_os_thread_pointer(), __ATOMIC_RELAXED);
    return is_on_it;
}

/* The C library's word on it. The end includes the thread's own descriptor
 * and the thread-local blocks beside it. */
static int ask_c_library(struct range *stack)
{
    pthread_attr_t attributes;
    void *low;
    size_t bytes;
    if (pthread_getattr_np(pthread_self(), &attributes) != 0)
        return -ENOTSUP;
    int error = pthread_attr_getstack(&attributes, &low, &bytes);
    pthread_attr_destroy(&attributes);
    if (error != 0)
        return -ENOTSUP;
    *stack = (struct range){ (uintptr_t)low, (uintptr_t)low + bytes };
    return 0;
}

/* When the C library has no memory or descriptor to answer with: the mapping, up
 * to the thread's own descriptor, which ends all stacks but the first thread's. */
static int find_mapping(uintptr_t frame, struct range *stack)
{
    uintptr_t end = ml_align_up(ml_os_thread_pointer() + 1, ml_os_page_bytes());
    if (ml_os_thread_pointer() == __atomic_load_n(&first_thread_pointer, __ATOMIC_RELAXED))
        return find_first_stack(stack) ? 0 : -ENOTSUP;
    if (!ml_os_mapping_around(frame, &stack->begin, &stack->end) || end <= frame ||
        end > stack->end)
        return -ENOTSUP;
    stack->end = end;
    return 0;
}

int ml_os_stack_bounds(uintptr_t *low, uintptr_t *high)
{
    struct range stack;
    uintptr_t frame = (uintptr_t)__builtin_frame_address(0);
    int saved = errno;
    int error = 0;
    learn_specific(); /* here, since the loader is asked */
    if (!is_on_first_stack(frame, &stack) && (error = ask_c_library(&stack)) != 0)
        error = find_mapping(frame, &stack);
    errno = saved;
    if (error != 0)
        return error;
    *low = stack.begin;
    *high = stack.end;
    return 0;
}
