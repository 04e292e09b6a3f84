/* SPDX-License-Identifier: MIT */
/* corerefs.c - memlog core --whereis and --find-refs: what is at an address, and what keeps it
 * alive. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "cli/postmortem.h"
#include "cli/units.h"
#include "image/chain.h"
#include "image/viewtypes.h"

/* ---- where it is ------------------------------------------------------------------------------------ */

enum bit { TAKEN, MARKED };

static bool has_bit(const struct ml_postmortem *dead, const struct ml_view_object *object,
                    enum bit which)
{
    struct ml_span span;
    if (ml_heap_view_descriptor(&dead->heap, object->span->number, &span) != 0)
        return false;
    const struct ml_span_bits *bits = &span.bits[object->slot / 64];
    uint64_t word = which == TAKEN ? bits->taken : bits->mark[0] | bits->mark[1];
    return word >> object->slot % 64 & 1;
}

static bool is_marked(const struct ml_postmortem *dead, const struct ml_view_object *object)
{
    return has_bit(dead, object, MARKED);
}

static const char *fate_of(const struct ml_postmortem *dead, const struct ml_view_object *object)
{
    if (object->state == ML_STATE_FREE)
        return has_bit(dead, object, TAKEN) ? "free, in a thread's magazine" : "free";
    if (object->span->kind == ML_UNCOLLECTABLE)
        return "allocated, until it is freed";
    if (!object->span->is_unswept)
        return "allocated";
    return is_marked(dead, object) ? "allocated" : "garbage that is not swept yet";
}

static void print_object(const struct ml_postmortem *dead, const struct ml_view_object *object,
                         uintptr_t address)
{
    const struct ml_view_span *span = object->span;
    char bytes[32];
    ml_bytes_text(object->bytes, bytes, sizeof(bytes));
    printf("0x%" PRIxPTR " is %" PRIuPTR " bytes into an object\n", address,
           address - object->begin);
    printf("  begins   0x%" PRIxPTR "\n", object->begin);
    printf("  size     %" PRIu64 " bytes%s%s\n", object->bytes, object->bytes < 1024 ? "" : ", ",
           object->bytes < 1024 ? "" : bytes);
    printf("  kind     %s\n", ml_kind_text(span->kind));
    printf("  state    %s%s%s\n", fate_of(dead, object),
           object->state & ML_STATE_SAMPLED ? ", sampled by the profile" : "",
           (object->state & ML_STATE_KIND) == ML_STATE_WATCHED
               ? ", with a finalizer or a weak reference"
           : (object->state & ML_STATE_KIND) == ML_STATE_WEAK ? ", a weak reference"
                                                              : "");
    if (object->state != ML_STATE_FREE && span->kind != ML_UNCOLLECTABLE)
        printf("  marked   %s\n", is_marked(dead, object) ? "yes" : "no");
    struct memlog_type type;
    if (span->kind == ML_TYPED && ml_view_type_of(&dead->heap, object, &type))
        printf("  type     number %" PRIu32 ", elements of %zu bytes\n", type.number, type.bytes);
    printf("  span     number %" PRIu32 ", 0x%" PRIxPTR ", %" PRIu32 " pages of 8 KiB, slot %u of %u\n",
           span->number, span->base, span->pages, object->slot, span->slots);
}

static void print_in_heap(const struct ml_postmortem *dead, uintptr_t address)
{
    struct ml_view_object object;
    const struct ml_view_span *span = ml_heap_view_span(&dead->heap, address);
    if (ml_heap_view_object(&dead->heap, address, &object))
        print_object(dead, &object, address);
    else if (span == NULL)
        printf("0x%" PRIxPTR " is in the heap, in no span that makes sense\n", address);
    else if (span->slots == 0)
        printf("0x%" PRIxPTR " is in a free run: 0x%" PRIxPTR ", %" PRIu32 " pages of 8 KiB\n", address,
               span->base, span->pages);
    else
        printf("0x%" PRIxPTR " is behind the last object of span number %" PRIu32 "\n", address,
               span->number);
}

/* The thread whose stack is in use above the address, in the same memory. */
static bool find_stack_above(const struct ml_postmortem *dead, uintptr_t address, size_t *thread)
{
    const struct ml_core_segment *segment = ml_core_segment_at(&dead->core, address);
    uintptr_t nearest = UINTPTR_MAX;
    for (size_t i = 0; i < dead->core.threads_count && segment != NULL; i++) {
        uintptr_t pointer = dead->core.threads[i].registers.rsp;
        if (pointer < address || pointer >= segment->end || pointer >= nearest)
            continue;
        nearest = pointer;
        *thread = i;
    }
    return nearest != UINTPTR_MAX;
}

static void print_elsewhere(const struct ml_postmortem *dead, uintptr_t address)
{
    char text[ML_PLACE_BYTES];
    size_t thread;
    const struct ml_spanmap *map = &dead->heap.map;
    const struct ml_root_place *root = ml_root_place_at(&dead->places, address);
    const struct ml_core_mapping *mapping = ml_core_mapping_at(&dead->core, address);
    if (root != NULL)
        printf("0x%" PRIxPTR " is in %s%s\n", address, ml_root_text(text, dead, root, address),
               root->kind == ML_IMAGE_OWN ? "" : ": a root");
    else if (address >= dead->heap.end && address < map->base + map->reserved_bytes)
        printf("0x%" PRIxPTR " is in address space that the heap has not grown into\n", address);
    else if (address >= (uintptr_t)map->state && address < map->base)
        printf("0x%" PRIxPTR " is in memlog's tables\n", address);
    else if (mapping != NULL)
        printf("0x%" PRIxPTR " is in %s at %" PRIu64 ": no root\n", address, mapping->name,
               mapping->offset + (address - mapping->begin));
    else if (find_stack_above(dead, address, &thread))
        printf("0x%" PRIxPTR " is in memory below what is in use of the stack of %s: no root\n", address,
               ml_thread_text(text, dead, thread));
    else if (ml_core_segment_at(&dead->core, address) != NULL)
        printf("0x%" PRIxPTR " is in other memory: neither heap nor root\n", address);
    else
        printf("0x%" PRIxPTR " is nowhere: nothing was mapped there\n", address);
}

int ml_core_print_where(struct ml_postmortem *dead, uintptr_t address)
{
    if (!ml_postmortem_need_heap(dead) || !ml_postmortem_need_places(dead))
        return ML_CORE_FAILED;
    if (ml_heap_view_has(&dead->heap, address))
        print_in_heap(dead, address);
    else
        print_elsewhere(dead, address);
    return 0;
}

/* ---- who holds a pointer to it ------------------------------------------------------------------------ */

struct listing {
    const struct ml_postmortem *dead;
    unsigned limit;
    uint64_t holders, ignored;
};

static void print_holder(const struct ml_postmortem *dead, const struct ml_ref *ref)
{
    char text[ML_PLACE_BYTES];
    const struct ml_core_mapping *mapping;
    switch (ref->holder) {
    case ML_REF_REGISTER:
        printf("register %s of %s", ref->name, ml_thread_text(text, dead, ref->thread));
        break;
    case ML_REF_ROOT:
        printf("0x%" PRIxPTR ", %s", ref->place, ml_root_text(text, dead, ref->root, ref->place));
        break;
    case ML_REF_OBJECT:
    case ML_REF_IGNORED:
        printf("%s, + %" PRIuPTR "%s", ml_object_text(text, &ref->object),
               ref->place - ref->object.begin,
               ref->holder == ML_REF_IGNORED ? ": not looked at by the collector" : "");
        break;
    case ML_REF_OTHER:
        mapping = ml_core_mapping_at(&dead->core, ref->place);
        printf("0x%" PRIxPTR ", %s: no root", ref->place,
               mapping == NULL ? "other memory" : mapping->name);
        break;
    }
    if (ref->within != 0)
        printf(", to + %" PRIuPTR, ref->within);
    putchar('\n');
}

static bool list(const struct ml_ref *ref, void *argument)
{
    struct listing *listing = argument;
    *(ref->holder <= ML_REF_OBJECT ? &listing->holders : &listing->ignored) += 1;
    uint64_t count = listing->holders + listing->ignored;
    if (count > listing->limit)
        return false;
    printf("%s  ", count == 1 ? "held by\n" : "");
    print_holder(listing->dead, ref);
    fflush(stdout); /* to look further up takes its time */
    return false;
}

enum { INDENTED_MOST = 32 };

static void print_chain(const struct ml_postmortem *dead, const struct ml_view_object *object,
                        const struct ml_chain *chain, const struct listing *listing)
{
    if (object->state == ML_STATE_FREE) {
        printf("it is not allocated: nothing keeps it, and what points to it is out of date\n");
        return;
    }
    if (chain->count == 0) {
        printf("%s\n",
               chain->was_cut       ? "no root was found so far up (--depth goes on)"
               : listing->holders > 0 ? "no root leads to it"
                                      : "nothing holds it");
        return;
    }
    printf("%s\n", object->span->kind == ML_UNCOLLECTABLE
                       ? "it lives until it is freed, and is reached from"
                       : "it is alive because of");
    for (size_t i = 0; i < chain->count; i++) {
        printf("%*s", 2 + 2 * (int)ml_min(i, INDENTED_MOST), ""); /* a long list's way is long */
        print_holder(dead, &chain->steps[i]);
    }
}

static int print_refs(struct ml_postmortem *dead, const struct ml_view_object *object,
                      bool everywhere, unsigned limit, unsigned depth)
{
    struct ml_ref_search search = { .core = &dead->core, .view = &dead->heap,
                                    .places = &dead->places, .everywhere = everywhere };
    struct listing listing = { dead, limit, 0, 0 };
    struct ml_chain chain;
    if (object->state == ML_STATE_FREE)
        depth = 0;
    int error = ml_chain_find(&chain, &search, object, depth, list, &listing);
    if (error != 0) {
        ml_postmortem_complain(dead, "", error);
        return ML_CORE_FAILED;
    }
    if (listing.holders + listing.ignored > limit)
        printf("  ... and %" PRIu64 " more (--limit)\n", listing.holders + listing.ignored - limit);
    print_chain(dead, object, &chain, &listing);
    ml_chain_free(&chain);
    if (search.unread_bytes != 0) {
        char bytes[32];
        ml_bytes_text(search.unread_bytes, bytes, sizeof(bytes));
        fprintf(stderr, "memlog: %s: %s of memory are not in the file and were not looked at\n",
                dead->file, bytes);
    }
    return 0;
}

int ml_core_print_refs(struct ml_postmortem *dead, uintptr_t address, bool everywhere,
                       unsigned limit, unsigned depth)
{
    struct ml_view_object object;
    if (!ml_postmortem_need_heap(dead) || !ml_postmortem_need_places(dead))
        return ML_CORE_FAILED;
    if (!ml_heap_view_object(&dead->heap, address, &object)) {
        ml_postmortem_complain(dead, "there is no object at that address: --whereis says what is", 0);
        return ML_CORE_FAILED;
    }
    print_object(dead, &object, address);
    return print_refs(dead, &object, everywhere, limit, depth);
}
