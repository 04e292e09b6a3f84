/* SPDX-License-Identifier: MIT */
/* new.c - C++'s operators new and delete, by the names that its ABI gives them:
 * faster than by way of the C++ library, which calls malloc; and what an allocator
 * of its own in a C++ library would take stays with us.
 *
 * Without memory they do as the C++ library's: call the program's new_handler
 * until there is some, else throw std::bad_alloc. What takes C++ for that, throwing
 * and catching, the C++ library does, which is looked for only then: a program in C
 * may have loaded it with a plug-in.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stddef.h>

#include "os/process.h"
#include "preload/plain.h"

/* ---- what is the C++ library's -------------------------------------------------------- */

typedef void handler_function(void);
extern handler_function *_ZSt15get_new_handlerv(void) __attribute__((weak));
extern void _ZSt17__throw_bad_allocv(void) __attribute__((weak));

static void *find(const char *name)
{
    void *library = dlopen("libstdc++.so.6", RTLD_LAZY | RTLD_NOLOAD);
    return library == NULL ? NULL : dlsym(library, name);
}

static handler_function *new_handler(void)
{
    typedef handler_function *get_function(void);
    get_function *get = _ZSt15get_new_handlerv;
    if (get == NULL)
        get = (get_function *)find("_ZSt15get_new_handlerv");
    return get == NULL ? NULL : get();
}

static _Noreturn void throw_bad_alloc(void)
{
    handler_function *throw = _ZSt17__throw_bad_allocv;
    if (throw == NULL)
        throw = (handler_function *)find("_ZSt17__throw_bad_allocv");
    if (throw != NULL)
        throw();
    ml_os_die("operator new: no memory, and no C++ library to throw std::bad_alloc", NULL);
}

/* ---- the slow way ----------------------------------------------------------------------- */

/* alignment 0: none is asked for. */
static void *alloc(size_t size, size_t alignment)
{
    return alignment == 0 ? ml_plain_alloc_slow(size) : ml_plain_alloc_aligned(alignment, size);
}

static ML_NOINLINE void *new_slow(size_t size, size_t alignment)
{
    void *object;
    while ((object = alloc(size, alignment)) == NULL) {
        handler_function *handler = new_handler();
        if (handler == NULL)
            throw_bad_alloc();
        handler();
    }
    return object;
}

/* The handler may throw, and nobody in C can catch that: the C++ library's operator of
 * the same name calls ours that throws, and catches. */
static ML_NOINLINE void *nothrow_slow(size_t size, size_t alignment, const void *tag,
                                      const char *name)
{
    typedef void *plain_function(size_t, const void *);
    typedef void *aligned_function(size_t, size_t, const void *);
    void *object = alloc(size, alignment);
    void *theirs = object != NULL || new_handler() == NULL ? NULL : find(name);
    if (theirs == NULL)
        return object;
    return alignment == 0 ? ((plain_function *)theirs)(size, tag)
                          : ((aligned_function *)theirs)(size, alignment, tag);
}

/* ---- new ------------------------------------------------------------------------------------ */

#define NEW(name)                                                              \
    void *name(size_t size);                                                   \
    EXPORT void *name(size_t size)                                             \
    {                                                                          \
        void *object = ml_plain_alloc_fast(size);                              \
        return ml_likely(object != NULL) ? object : new_slow(size, 0);         \
    }
NEW(_Znwm)
NEW(_Znam)

#define NEW_ALIGNED(name)                                                      \
    void *name(size_t size, size_t alignment);                                 \
    EXPORT void *name(size_t size, size_t alignment) { return new_slow(size, alignment); }
NEW_ALIGNED(_ZnwmSt11align_val_t)
NEW_ALIGNED(_ZnamSt11align_val_t)

#define NEW_NOTHROW(name)                                                      \
    void *name(size_t size, const void *tag);                                  \
    EXPORT void *name(size_t size, const void *tag)                            \
    {                                                                          \
        void *object = ml_plain_alloc_fast(size);                              \
        return ml_likely(object != NULL) ? object : nothrow_slow(size, 0, tag, #name); \
    }
NEW_NOTHROW(_ZnwmRKSt9nothrow_t)
NEW_NOTHROW(_ZnamRKSt9nothrow_t)

#define NEW_ALIGNED_NOTHROW(name)                                              \
    void *name(size_t size, size_t alignment, const void *tag);                \
    EXPORT void *name(size_t size, size_t alignment, const void *tag)          \
    {                                                                          \
        return nothrow_slow(size, alignment, tag, #name);                      \
    }
NEW_ALIGNED_NOTHROW(_ZnwmSt11align_val_tRKSt9nothrow_t)
NEW_ALIGNED_NOTHROW(_ZnamSt11align_val_tRKSt9nothrow_t)

/* ---- delete: whatever else it is told, the heap knows better --------------------------------- */

#define DELETE(name, operator)                                                  \
    void name(void *pointer);                                                   \
    EXPORT void name(void *pointer) { ml_plain_free(pointer, operator); }
#define DELETE_WITH(name, operator, type)                                       \
    void name(void *pointer, type unused);                                      \
    EXPORT void name(void *pointer, type unused)                                \
    {                                                                           \
        (void)unused;                                                           \
        ml_plain_free(pointer, operator);                                       \
    }
#define DELETE_WITH_TWO(name, operator, type)                                   \
    void name(void *pointer, size_t unused, type unused_too);                   \
    EXPORT void name(void *pointer, size_t unused, type unused_too)             \
    {                                                                           \
        (void)unused, (void)unused_too;                                         \
        ml_plain_free(pointer, operator);                                       \
    }

DELETE(_ZdlPv, "operator delete")
DELETE(_ZdaPv, "operator delete[]")
DELETE_WITH(_ZdlPvm, "operator delete", size_t)
DELETE_WITH(_ZdaPvm, "operator delete[]", size_t)
DELETE_WITH(_ZdlPvRKSt9nothrow_t, "operator delete", const void *)
DELETE_WITH(_ZdaPvRKSt9nothrow_t, "operator delete[]", const void *)
DELETE_WITH(_ZdlPvSt11align_val_t, "operator delete", size_t)
DELETE_WITH(_ZdaPvSt11align_val_t, "operator delete[]", size_t)
DELETE_WITH_TWO(_ZdlPvmSt11align_val_t, "operator delete", size_t)
DELETE_WITH_TWO(_ZdaPvmSt11align_val_t, "operator delete[]", size_t)
DELETE_WITH_TWO(_ZdlPvSt11align_val_tRKSt9nothrow_t, "operator delete", const void *)
DELETE_WITH_TWO(_ZdaPvSt11align_val_tRKSt9nothrow_t, "operator delete[]", const void *)
