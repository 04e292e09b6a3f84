/* SPDX-License-Identifier: MIT */
/* segments_linux.c - data segments from the loader's list of objects, the rest
 * from /proc/self/maps and the C library.
 */
#include "os/segments.h"

#include <errno.h>
#include <link.h>
#include <pthread.h>
#include <sys/auxv.h>

#include "base/bits.h"
#include "os/living.h"
#include "os/pages.h"
#include "os/syscall_linux.h"
#include "os/thread.h"
#include "os/tls.h"

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
    char path[ML_OS_LIVING_BYTES];
    int fd = ml_sys_open_read(ml_os_living_file(path, 0, "/maps"));
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
           ml_sys_is_readable(page);
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

/* The program's name is the last thing on it. */
uintptr_t ml_os_first_stack_end(void)
{
    uintptr_t name = getauxval(AT_EXECFN);
    return name != 0 ? name : (uintptr_t)__libc_stack_end;
}

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
    if (!is_on_first_stack(frame, &stack) && (error = ask_c_library(&stack)) != 0)
        error = find_mapping(frame, &stack);
    errno = saved;
    if (error != 0)
        return error;
    *low = stack.begin;
    *high = stack.end;
    return 0;
}
