/* SPDX-License-Identifier: MIT */
/* loader_linux.c - the lock on glibc's list of objects, found by watching it.
 *
 * The C library has no name for that lock, and does not free it in a forked
 * child as it does with its other ones (glibc 2.36). It is a recursive mutex
 * somewhere in the loader's variable _rtld_global. While this thread walks over
 * the list it is held by this thread, and in a walk inside the walk it is held
 * once more than outside: that is true of no other.
 */
#include "os/loader.h"

#include <dlfcn.h>
#include <link.h>
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#include "os/syscall_linux.h"
#include "os/thread.h"

static pthread_mutex_t *list_lock; /* NULL: not found */
static bool list_is_lost;

bool ml_os_loader_is_usable(void) { return !list_is_lost; }

/* ---- finding the lock ------------------------------------------------------------ */

struct search {
    char *begin, *end; /* where it may be */
    pthread_mutex_t *candidate;
    unsigned times; /* that the candidate is held inside the inner walk */
    pthread_mutex_t *found;
};

/* How many times the calling thread holds what may be a mutex. */
static unsigned times_held(const pthread_mutex_t *mutex, pid_t self)
{
    bool is_held = mutex->__data.__kind == PTHREAD_MUTEX_RECURSIVE_NP &&
                   mutex->__data.__owner == self && mutex->__data.__lock != 0;
    return is_held ? mutex->__data.__count : 0;
}

static int count_inside(struct dl_phdr_info *object, size_t size, void *argument)
{
    (void)object, (void)size;
    struct search *search = argument;
    search->times = times_held(search->candidate, ml_os_tid());
    return 1;
}

static int search_inside(struct dl_phdr_info *object, size_t size, void *argument)
{
    (void)object, (void)size;
    struct search *search = argument;
    pid_t self = ml_os_tid();
    for (char *at = search->begin; at + sizeof(pthread_mutex_t) <= search->end;
         at += _Alignof(pthread_mutex_t)) {
        search->candidate = (pthread_mutex_t *)at;
        unsigned times = times_held(search->candidate, self);
        if (times == 0)
            continue;
        dl_iterate_phdr(count_inside, search);
        if (search->times == times + 1)
            search->found = search->candidate;
    }
    return 1;
}

void ml_os_loader_init(void)
{
    char *variables = dlsym(RTLD_DEFAULT, "_rtld_global");
    const ElfW(Sym) *symbol = NULL;
    Dl_info unused;
    if (variables == NULL || list_lock != NULL ||
        dladdr1(variables, &unused, (void **)&symbol, RTLD_DL_SYMENT) == 0 || symbol == NULL)
        return;
    struct search search = { .begin = variables, .end = variables + symbol->st_size };
    dl_iterate_phdr(search_inside, &search);
    list_lock = search.found;
}

/* ---- in a forked child ------------------------------------------------------------- */

/* An object is unmapped in one piece before it is taken off the list, and its
 * headers are gone with it. What has come to their place since does not say of
 * itself that it holds them. */
static bool is_mapped(const struct dl_phdr_info *object)
{
    uintptr_t begin = (uintptr_t)object->dlpi_phdr;
    uintptr_t end = begin + object->dlpi_phnum * sizeof(ElfW(Phdr));
    if (!ml_sys_is_readable(begin) || !ml_sys_is_readable(end - 1))
        return false;
    for (int i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = &object->dlpi_phdr[i];
        uintptr_t segment = object->dlpi_addr + header->p_vaddr;
        if (header->p_type == PT_LOAD && segment <= begin && end <= segment + header->p_memsz)
            return true;
    }
    return false;
}

static int find_unmapped(struct dl_phdr_info *object, size_t size, void *unused)
{
    (void)size, (void)unused;
    return is_mapped(object) ? 0 : 1;
}

static void make_free(pthread_mutex_t *mutex)
{
    mutex->__data.__lock = 0;
    mutex->__data.__count = 0;
    mutex->__data.__owner = 0;
    mutex->__data.__nusers = 0;
}

void ml_os_loader_after_fork_child(void)
{
    if (list_is_lost || list_lock == NULL || list_lock->__data.__lock == 0)
        return;
    pthread_mutex_t as_it_was = *list_lock;
    make_free(list_lock);
    if (dl_iterate_phdr(find_unmapped, NULL) == 0)
        return;
    /* Others who walk over the list would read memory that is not there. */
    *list_lock = as_it_was;
    list_is_lost = true;
}
