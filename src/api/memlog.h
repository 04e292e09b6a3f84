/* SPDX-License-Identifier: MIT */
/* memlog.h - a tracked, garbage-collected heap with a memory log.
 *
 * Allocate with memlog_malloc and its kin, keep the pointers anywhere the
 * collector looks (variables, stacks, registers, thread-local variables,
 * other memlog objects), and never free: what can no longer be reached is
 * collected. memlog_free is there for those who know better.
 * memlog_log_start begins writing "timestamp Alloc Sys" lines to memory.log.
 *
 * Where the collector looks: writable data of the program and its shared
 * libraries; the stacks, registers, thread-local variables and
 * pthread_setspecific values of all registered threads; uncollectable objects,
 * added ranges, and objects that are alive. It does not look into memory from
 * malloc(), mmap() or files: a pointer that is only there does not keep its
 * object alive.
 *
 * What counts as a pointer: an aligned word whose value is the address of an
 * object or of anything inside it (in objects of a type, where that allows one). The address just past an object's end also
 * counts when it stands in a register or on a stack, and from anywhere for
 * objects of more than 256 bytes (MEMLOG_PAST_END=always: for all).
 *
 * Threads started with pthread_create are known to the collector; others call
 * memlog_register_thread. All functions may be called from any thread at any
 * time, but not from signal handlers.
 *
 * An object that is gone though the program still uses it was reachable only
 * from elsewhere. To find it, run the program with MEMLOG_GC_STRESS=N: every Nth
 * allocation collects first, and freed objects are filled with 0xdf bytes, which
 * as a pointer are no address. When somebody has written to a freed object by
 * the time its memory is used again, or a collection finds memlog's own
 * structures broken, the program ends with a line on stderr that says where.
 *
 * Link with -lmemlog (before -lpthread and -lc, which is where it stands when
 * nothing else is said).
 */
#ifndef MEMLOG_H
#define MEMLOG_H

#include <stddef.h>
#include <stdint.h>

#include "memlog_stats.h"

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define MEMLOG_ALLOCATES(...) __attribute__((malloc, warn_unused_result, alloc_size(__VA_ARGS__)))
#define MEMLOG_ALLOCATES_TYPED __attribute__((malloc, warn_unused_result))
#else
#define MEMLOG_ALLOCATES(...)
#define MEMLOG_ALLOCATES_TYPED
#endif

/* ---- allocation ------------------------------------------------------- */

/* All return memory that is aligned to 16 bytes, or NULL with errno ENOMEM when
 * there is none even after a collection (EINVAL for a bad alignment). A size
 * of 0 gives a distinct object.
 *
 * What is scanned, and what memlog_calloc and memlog_calloc_noscan return, is
 * set to zero. Other noscan memory is as malloc's: its contents are
 * indeterminate, mostly what an earlier object left there. Write before you
 * read, and send or store no byte of it that you have not written (padding
 * between the members of a struct counts): it may be somebody's password. */

/* Collected; scanned for pointers. */
void *memlog_malloc(size_t size) MEMLOG_ALLOCATES(1);
/* Collected; must hold no pointers, and is never scanned: text, pixels,
 * numbers. Not set to zero. Cheaper, and nothing in it can be mistaken for a
 * pointer. */
void *memlog_malloc_noscan(size_t size) MEMLOG_ALLOCATES(1);
/* Scanned for pointers, and lives until memlog_free: a root of one's own. */
void *memlog_malloc_uncollectable(size_t size) MEMLOG_ALLOCATES(1);
/* count times size, with ENOMEM when that overflows. Both set to zero. */
void *memlog_calloc(size_t count, size_t size) MEMLOG_ALLOCATES(1, 2);
void *memlog_calloc_noscan(size_t count, size_t size) MEMLOG_ALLOCATES(1, 2);
/* alignment is a power of two, at most 1 GiB. noscan: not set to zero. */
void *memlog_aligned_alloc(size_t alignment, size_t size) MEMLOG_ALLOCATES(2);
void *memlog_aligned_alloc_noscan(size_t alignment, size_t size) MEMLOG_ALLOCATES(2);
/* Resize, in place where possible. The object keeps its kind (scanned, noscan,
 * uncollectable, of a type); bytes beyond the old size are zero, but in a noscan object
 * they are indeterminate. pointer NULL: as memlog_malloc. size 0: frees,
 * returns NULL. On failure NULL, and the old object is as it was. */
void *memlog_realloc(void *pointer, size_t size)
#if defined(__GNUC__)
    __attribute__((warn_unused_result, alloc_size(2)))
#endif
    ;
/* Free now instead of waiting for a collection. NULL is fine. A pointer that
 * is not the start of a live memlog object ends the program with a line on
 * stderr that says which and why. errno is left alone. */
void memlog_free(void *pointer);
/* Copy a string into a noscan object; what lies behind its end, up to the
 * usable size, is indeterminate. NULL gives NULL with EINVAL. */
char *memlog_strdup(const char *string);
/* Bytes that can be used at pointer: its request, rounded up. 0 for NULL. */
size_t memlog_usable_size(const void *pointer);

/* ---- objects of a type -------------------------------------------------- */

/* An object of a type has pointers only where its type says so. Marking looks at
 * no other word, and no other word keeps anything alive, whatever stands there: what
 * is found so is as exact as the type. Make the type once:
 *
 *     unsigned long bitmap[MEMLOG_BITMAP_LONGS(struct node)] = { 0 };
 *     memlog_bitmap_set(bitmap, offsetof(struct node, left));
 *     memlog_bitmap_set(bitmap, offsetof(struct node, right));
 *     node_type = memlog_type_new(sizeof(struct node), bitmap,
 *                                 MEMLOG_BITMAP_LONGS(struct node));
 *
 * A pointer whose bit is missing is no pointer: what only it refers to is freed
 * while in use. Set the bit of every member that may hold one at any time: of a union
 * with a pointer in it, of an integer that an address is kept in, of each element of
 * an array of pointers. A bit too many costs a look and nothing else. */
struct memlog_type;

#define MEMLOG_BITMAP_LONGS(type) \
    ((sizeof(type) + sizeof(void *) * 8 * sizeof(long) - 1) / (sizeof(void *) * 8 * sizeof(long)))
/* The member at the offset, in bytes, may hold a pointer. Of one that is not
 * aligned no collector would see it. */
static inline void memlog_bitmap_set(unsigned long *bitmap, size_t offset)
{
    size_t word = offset / sizeof(void *);
    bitmap[word / (8 * sizeof(long))] |= 1ul << word % (8 * sizeof(long));
}

/* The type of objects of so many bytes. Bit i of the bitmap, bitmap[i / 64] >> i
 * % 64 & 1, says that the word at 8 * i bytes may hold a pointer; the bitmap has so
 * many longs and is copied, and words beyond it hold none. bitmap NULL: no word does. A
 * size that is not a multiple of 8 is rounded up to one. The type lives as long as the
 * process and is the caller's to share; asking for one that there is returns that one.
 * NULL with errno EINVAL for a bit whose word does not lie within the size, or
 * ENOMEM. (In a thread that can't be registered: ENOMEM or ENOTSUP.) */
const struct memlog_type *memlog_type_new(size_t size, const unsigned long *bitmap,
                                          size_t longs);
/* An object of the type, and an array of so many, without gaps between them.
 * Collected, and set to zero. NULL with errno ENOMEM when there is no memory or count times
 * the size overflows, EINVAL for type NULL: what memlog_type_new returned may be
 * handed on unseen.
 *
 * The pattern repeats over the whole usable size, so memlog_realloc makes an
 * array of another length of it: the object keeps its type. (Where no word may hold a
 * pointer it is a noscan object, and bytes that it gains are indeterminate.) An
 * object whose words are not all of one sort takes 8 bytes more than its size. The
 * address just past its end keeps it alive from anywhere. Finalizers, weak references,
 * memlog_free and memlog_usable_size: as for all collected objects. */
void *memlog_malloc_typed(const struct memlog_type *type) MEMLOG_ALLOCATES_TYPED;
void *memlog_calloc_typed(size_t count, const struct memlog_type *type) MEMLOG_ALLOCATES_TYPED;

/* ---- collection ------------------------------------------------------- */

/* Collect now. Returns when the garbage is swept and booked. Signals for the
 * calling thread are handled then. */
void memlog_gc(void);
/* Collect when the heap has grown by percent over what was live (100 is the
 * default: when it has doubled); negative turns automatic collection off, but
 * for what a memory limit calls for. Where this is on and something was
 * allocated since the last collection, one also comes after two minutes without.
 * Returns the old setting, negative if it was off. */
int memlog_set_gc_percent(int percent);
/* Keep the memory that memlog holds, sys - heap_released of memlog_memstats, at
 * or under so many bytes: collect earlier than the percentage says, whatever it
 * is, and give free pages back at once. INT64_MAX, the default: no limit;
 * negative: changes nothing. Returns the old limit. What is reachable is never
 * refused for it: when that is more, collections may take up to half of the
 * time, and the heap grows beyond. MEMLOG_MEMORY_LIMIT sets it from the start. */
int64_t memlog_set_memory_limit(int64_t bytes);
/* Collect, then give all free pages back to the operating system. */
void memlog_free_os_memory(void);
/* Scan [begin, end) for pointers in every collection, until removed; adding
 * a range twice wants removing it twice. 0, -EINVAL (end below begin), -ENOMEM;
 * removing a range that was not added: -ENOENT. */
int memlog_add_roots(const void *begin, const void *end);
int memlog_remove_roots(const void *begin, const void *end);
/* Tell the collector of the calling thread, when it was not started with
 * pthread_create (or memlog was loaded after it had started), before it holds
 * a pointer to an object. Registering twice is harmless. 0, -ENOMEM, -ENOTSUP
 * when the bounds of its stack can't be learnt. */
int memlog_register_thread(void);
/* The calling thread holds no more pointers; its cache goes back. */
int memlog_unregister_thread(void);

/* Keep an object alive up to here, although the compiler sees no more use. */
static inline void memlog_keep_alive(const void *pointer)
{
#if defined(__GNUC__)
    __asm__ volatile("" : : "g"(pointer) : "memory");
#else
    static const void *volatile memlog_kept;
    memlog_kept = pointer;
#endif
}

/* ---- finalizers and weak references ------------------------------------ */

/* Call finalizer(object, data) once, after a collection has found the object
 * unreachable. An object has one finalizer at most: a second replaces it, NULL
 * removes it. 0; -EINVAL when object is not the start of a collected object, or
 * data points into it; -ENOMEM.
 *
 * What is kept: the object and all it refers to, as they are, until the
 * finalizer has run; a later collection frees them, unless the finalizer has
 * made the object reachable again. It may also set a finalizer again. data is
 * kept alive from now on until the finalizer has run; an object that can be
 * reached from its own data never becomes unreachable.
 *
 * The order: an object that another object with a finalizer refers to, directly
 * or by way of others, is finalized after that one, in a later collection, so
 * that a finalizer can use all that its object refers to. When objects refer to
 * each other in a circle that has one with a finalizer in it, nobody comes first,
 * and none of them is ever finalized or freed: cut the circle, or make one of its
 * pointers a weak reference. An object's pointers into itself do no harm. There
 * is no order beyond that.
 *
 * The thread: all are called one after the other by "memlog-final", a thread that
 * is started when the first one is due, with all signals blocked. They may
 * allocate, collect, lock and wait; memlog_gc does not wait for them. One that
 * never returns, or ends the thread, holds up all further finalizers and nothing
 * else. What has not run when the program exits is not run. A forked child has
 * copies of what was registered or due and runs them as the parent does, but for
 * the one that was running: that goes on in the parent only.
 *
 * memlog_free of the object drops its finalizer; memlog_realloc keeps it. Where
 * a finalizer closes what somebody may still be using (a descriptor that was read
 * from the object), memlog_keep_alive(object) after the last use prevents it. */
int memlog_set_finalizer(void *object, void (*finalizer)(void *object, void *data), void *data);

/* A reference that does not keep its object alive. It is itself a collected
 * object: keep it where the collector looks. */
struct memlog_weak;
/* The object's weak reference, the same for all who ask while it has one. NULL
 * with errno EINVAL when object is not the start of a collected object, or
 * ENOMEM. */
struct memlog_weak *memlog_weak_create(void *object);
/* The object, alive as long as the returned pointer is where the collector
 * looks; or NULL for ever, once a collection has found the object unreachable:
 * before its finalizer runs, and even if that makes it reachable again. An object
 * that one with a finalizer refers to counts as reachable until that has run.
 * memlog_free of the object: NULL; memlog_realloc: the object at its new place.
 * weak NULL: NULL. What is no weak reference ends the program with a line on
 * stderr. (In a thread that can't be registered: NULL with errno ENOMEM or
 * ENOTSUP.) */
void *memlog_weak_get(const struct memlog_weak *weak);
/* Say that a reference that memlog_weak_create returned is used no more. When
 * that has been said as often as it was returned it is freed, without waiting for a
 * collection; nobody needs to. NULL is fine. */
void memlog_weak_destroy(struct memlog_weak *weak);

/* ---- the log ---------------------------------------------------------- */

/* Zero or NULL members mean: what the environment says, else the default. */
struct memlog_log_options {
    size_t size;          /* sizeof(struct memlog_log_options) */
    const char *file;     /* MEMLOG_FILE, else "memory.log"; %p pid, %e program, %% % */
    uint64_t interval_ns; /* MEMLOG_INTERVAL, else one second; at least 1 ms */
    const char *columns;  /* MEMLOG_COLUMNS: fields to add after the three, by
                           * their names in memlog_memstats or memlog_extra,
                           * or in Go, with commas or spaces between */
    uint64_t max_bytes;   /* MEMLOG_MAX_BYTES: above it the file is renamed to
                           * FILE.1 and begun anew; 0: no cap */
    int collections;      /* MEMLOG_LOG_GC: a line "# gc" for each collection;
                           * 1: yes, -1: no, whatever the environment says */
};

/* Start a thread that appends a line "timestamp Alloc Sys" to the log at every
 * interval, one at once, and a last one when the program exits. options NULL:
 * the environment and the defaults. Returns 0, or a negative errno after one
 * line on stderr: the file can't be opened, a setting makes no sense (-EINVAL),
 * the log is already running (-EALREADY). */
int memlog_log_start(const struct memlog_log_options *options);
/* Append a line now. 0; -ENOTCONN when the log is not running; -EIO when the
 * line could not be written (it is counted as lost). */
int memlog_log_sample(void);
/* Append a sample and, right behind it, a named moment ("# mark reload"): it
 * belongs to that sample's time, and the plot draws it there. Line breaks
 * become blanks. Returns as memlog_log_sample, or -EINVAL for NULL. */
int memlog_log_mark(const char *name);
/* A last line, and the end. 0, or -ENOTCONN when the log is not running. */
int memlog_log_stop(void);

/* ---- the heap profile -------------------------------------------------- */

/* Who allocates: of every MEMLOG_PROFILE_RATE bytes (524288 on average; 1: each
 * allocation; 0: off, nothing is recorded) one object is recorded with the calls that led to
 * it, until it is freed or collected.
 *
 * What the profile says is true now: garbage counts as in use until it is swept, as it does
 * in Alloc (memlog_gc first, if only what is reachable matters). */
enum memlog_profile_format {
    MEMLOG_PROFILE_PPROF = 0, /* pprof's protocol buffer in gzip's format: for `go tool pprof`,
                               * and what else reads those. Sizes are what the samples stand for */
    MEMLOG_PROFILE_TEXT = 1   /* the older text, with the statistics behind it; pprof reads that,
                               * too. Sizes are those of the samples */
};
/* Write the profile to a descriptor, while all threads go on. 0; -EINVAL for another
 * format, -ENOMEM, what write says (-EPIPE without a signal), or what opening /proc/self/maps
 * says. */
int memlog_profile_write(int fd, int format);
/* Nobody calls these: they are names in profiles. For want of memory (MEMLOG_PROFILE_BYTES, 64
 * MiB) samples are booked under the first, by their size alone; under the second those that
 * were allocated while a stack was looked at. */
void memlog_profile_overflow(void);
void memlog_profile_no_stack(void);

/* "0.1.0" */
const char *memlog_version(void);

#ifdef __cplusplus
}
#endif
#endif
