/* SPDX-License-Identifier: MIT */
/* test_preload_names.c - every name by which a program allocates leads to memlog,
 * whoever calls it; and what they give is counted, and can be freed by any. */
#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <pthread.h>

#include "preload_unit.h"

static const char *const names[] = {
    "malloc", "free", "calloc", "realloc", "reallocarray", "cfree", "free_sized",
    "free_aligned_sized", "aligned_alloc", "memalign", "posix_memalign", "valloc", "pvalloc",
    "malloc_usable_size", "mallinfo", "mallinfo2", "mallopt", "malloc_trim", "malloc_stats",
    "malloc_info", "__libc_malloc", "__libc_free", "__libc_cfree", "__libc_calloc",
    "__libc_realloc", "__libc_memalign", "__libc_valloc", "__libc_pvalloc", "__posix_memalign",
    "_Znwm", "_Znam", "_ZnwmSt11align_val_t", "_ZnamSt11align_val_t", "_ZnwmRKSt9nothrow_t",
    "_ZnamRKSt9nothrow_t", "_ZnwmSt11align_val_tRKSt9nothrow_t",
    "_ZnamSt11align_val_tRKSt9nothrow_t", "_ZdlPv", "_ZdaPv", "_ZdlPvm", "_ZdaPvm",
    "_ZdlPvRKSt9nothrow_t", "_ZdaPvRKSt9nothrow_t", "_ZdlPvSt11align_val_t",
    "_ZdaPvSt11align_val_t", "_ZdlPvmSt11align_val_t", "_ZdaPvmSt11align_val_t",
    "_ZdlPvSt11align_val_tRKSt9nothrow_t", "_ZdaPvSt11align_val_tRKSt9nothrow_t",
    "memlog_malloc", "memlog_read_memstats", "memlog_log_start",
};

/* The place a name leads to, for a program that asks for any version of it. */
static void *find(const char *name)
{
    void *found = dlsym(RTLD_DEFAULT, name);
    if (found == NULL)
        ck_abort_msg("there is no %s", name);
    return found;
}

START_TEST(all_names_lead_to_memlog)
{
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        Dl_info info;
        ck_assert_int_ne(dladdr(find(names[i]), &info), 0);
        ck_assert_msg(strstr(info.dli_fname, "libmemlog-preload") != NULL, "%s is %s's", names[i],
                      info.dli_fname);
    }
}
END_TEST

/* Programs and libraries ask for malloc@GLIBC_2.2.5: as this one does. */
START_TEST(versioned_names_lead_to_memlog)
{
    ck_assert_ptr_eq((void *)malloc, find("malloc"));
    ck_assert_ptr_eq((void *)free, find("free"));
    ck_assert_ptr_eq((void *)mallinfo2, find("mallinfo2"));
    ck_assert_ptr_eq((void *)pthread_create, find("pthread_create"));
}
END_TEST

/* How each way to allocate is called. */
static void *by_malloc(const char *name, size_t n) { return ((void *(*)(size_t))find(name))(n); }
static void *by_calloc(const char *name, size_t n)
{
    return ((void *(*)(size_t, size_t))find(name))(1, n);
}
static void *by_realloc(const char *name, size_t n)
{
    return ((void *(*)(void *, size_t))find(name))(NULL, n);
}
static void *by_reallocarray(const char *name, size_t n)
{
    return ((void *(*)(void *, size_t, size_t))find(name))(NULL, 1, n);
}
static void *by_memalign(const char *name, size_t n)
{
    return ((void *(*)(size_t, size_t))find(name))(64, n);
}
static void *by_posix_memalign(const char *name, size_t n)
{
    void *pointer = NULL;
    int error = ((int (*)(void **, size_t, size_t))find(name))(&pointer, 64, n);
    return error == 0 ? pointer : NULL;
}
static void *by_new_aligned(const char *name, size_t n)
{
    return ((void *(*)(size_t, size_t))find(name))(n, 64);
}
static void *by_new_nothrow(const char *name, size_t n)
{
    return ((void *(*)(size_t, const void *))find(name))(n, "");
}
static void *by_new_aligned_nothrow(const char *name, size_t n)
{
    return ((void *(*)(size_t, size_t, const void *))find(name))(n, 64, "");
}

static const struct {
    void *(*call)(const char *, size_t);
    const char *name;
} allocators[] = {
    { by_malloc, "malloc" }, { by_malloc, "valloc" }, { by_malloc, "pvalloc" },
    { by_malloc, "__libc_malloc" }, { by_malloc, "__libc_valloc" }, { by_malloc, "__libc_pvalloc" },
    { by_malloc, "_Znwm" }, { by_malloc, "_Znam" },
    { by_calloc, "calloc" }, { by_calloc, "__libc_calloc" },
    { by_realloc, "realloc" }, { by_realloc, "__libc_realloc" },
    { by_reallocarray, "reallocarray" },
    { by_memalign, "aligned_alloc" }, { by_memalign, "memalign" }, { by_memalign, "__libc_memalign" },
    { by_posix_memalign, "posix_memalign" }, { by_posix_memalign, "__posix_memalign" },
    { by_new_aligned, "_ZnwmSt11align_val_t" }, { by_new_aligned, "_ZnamSt11align_val_t" },
    { by_new_nothrow, "_ZnwmRKSt9nothrow_t" }, { by_new_nothrow, "_ZnamRKSt9nothrow_t" },
    { by_new_aligned_nothrow, "_ZnwmSt11align_val_tRKSt9nothrow_t" },
    { by_new_aligned_nothrow, "_ZnamSt11align_val_tRKSt9nothrow_t" },
};

/* All take the pointer first; what comes behind is no business of theirs. */
static const char *const deallocators[] = {
    "free", "cfree", "free_sized", "free_aligned_sized", "__libc_free", "__libc_cfree",
    "_ZdlPv", "_ZdaPv", "_ZdlPvm", "_ZdaPvm", "_ZdlPvRKSt9nothrow_t", "_ZdaPvRKSt9nothrow_t",
    "_ZdlPvSt11align_val_t", "_ZdaPvSt11align_val_t", "_ZdlPvmSt11align_val_t",
    "_ZdaPvmSt11align_val_t", "_ZdlPvSt11align_val_tRKSt9nothrow_t",
    "_ZdaPvSt11align_val_tRKSt9nothrow_t",
};

static void deallocate(const char *name, void *pointer)
{
    /* A wrong size and a wrong alignment: they must not matter. */
    ((void (*)(void *, size_t, size_t))find(name))(pointer, 12345, 4096);
}

/* Nothing between the readings but what is measured: assertions allocate. */
static void check_pair(const char *name, void *(*call)(const char *, size_t), const char *other,
                       size_t size)
{
    find(name), find(other); /* the loader may allocate */
    struct memlog_memstats before = stats_now();
    char *object = call(name, size);
    struct memlog_memstats between = stats_now();
    if (object != NULL)
        memset(object, 0x5a, size);
    size_t usable = malloc_usable_size(object);
    deallocate(other, object);
    struct memlog_memstats after = stats_now();
    ck_assert_msg(object != NULL && usable >= size, "%s(%zu)", name, size);
    ck_assert_msg(between.mallocs == before.mallocs + 1, "%s counts", name);
    ck_assert_msg(between.alloc - before.alloc == usable, "%s counts bytes", name);
    ck_assert_msg(after.frees == before.frees + 1, "%s counts", other);
    ck_assert_uint_eq(after.alloc, before.alloc);
}

/* Every allocator with every deallocator, small and large; each is counted once. */
START_TEST(all_names_share_one_heap)
{
    static const size_t sizes[] = { 1, 100, 5000, 100000 };
    for (size_t a = 0; a < sizeof(allocators) / sizeof(allocators[0]); a++)
        for (size_t d = 0; d < sizeof(deallocators) / sizeof(deallocators[0]); d++)
            for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++)
                check_pair(allocators[a].name, allocators[a].call, deallocators[d], sizes[s]);
}
END_TEST

START_TEST(freeing_nothing_is_nothing)
{
    enum { COUNT = sizeof(deallocators) / sizeof(deallocators[0]) };
    void *found[COUNT];
    for (size_t d = 0; d < COUNT; d++)
        found[d] = find(deallocators[d]);
    struct memlog_memstats before = stats_now();
    for (size_t d = 0; d < COUNT; d++)
        ((void (*)(void *, size_t, size_t))found[d])(NULL, 1, 16);
    struct memlog_memstats after = stats_now();
    ck_assert_uint_eq(after.frees, before.frees);
}
END_TEST

/* What the C library allocates inside itself comes from here. */
START_TEST(the_c_library_allocates_here)
{
    uint64_t before = stats_now().mallocs;
    char *copy = hide(strdup("text"));
    uint64_t after = stats_now().mallocs;
    ck_assert_uint_eq(after, before + 1);
    free(copy);
    char *text = NULL;
    before = stats_now().mallocs;
    int length = asprintf(&text, "%d", 42);
    after = stats_now().mallocs;
    ck_assert_int_eq(length, 2);
    ck_assert_uint_gt(after, before);
    free(text);
}
END_TEST

/* The size is known: it is what the statistics count. */
START_TEST(counts_are_exact)
{
    enum { COUNT = 5000 };
    static void *objects[COUNT];
    struct memlog_memstats before = stats_now();
    uint64_t bytes = 0;
    for (int i = 0; i < COUNT; i++) {
        objects[i] = hide(malloc((size_t)i * 7));
        bytes += malloc_usable_size(objects[i]);
    }
    struct memlog_memstats full = stats_now();
    for (int i = 0; i < COUNT; i++)
        free(objects[i]);
    struct memlog_memstats empty = stats_now();
    ck_assert_uint_eq(full.mallocs - before.mallocs, COUNT);
    ck_assert_uint_eq(full.alloc - before.alloc, bytes);
    ck_assert_uint_eq(empty.frees - before.frees, COUNT);
    ck_assert_uint_eq(empty.alloc, before.alloc);
    ck_assert_uint_eq(empty.total_alloc - before.total_alloc, bytes);
}
END_TEST

UNIT_MAIN("preload names", all_names_lead_to_memlog, versioned_names_lead_to_memlog,
          all_names_share_one_heap, freeing_nothing_is_nothing, the_c_library_allocates_here,
          counts_are_exact)
