/* SPDX-License-Identifier: MIT */
#include "image/chain.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* An object on the way up, and the word in it that leads down. */
struct node {
    struct ml_ref ref; /* of the first one only the object */
    size_t below;      /* index of the node that it points to */
};

enum { NODES_MOST = 1 << 20 };

struct climb {
    struct ml_ref_search *search;
    ml_ref_visitor *visit; /* the first time only */
    void *argument;
    bool is_collected;
    struct node *nodes;
    size_t count, room;
    size_t *seen; /* hash table of nodes by their objects' begin: index + 1 */
    size_t seen_room;
    size_t level; /* index of the first node of those whose holders are looked for */
    size_t *order; /* of the level's nodes, as the targets stand */
    struct node top; /* what holds the chain; ref.value 0: not found yet */
    bool out_of_memory, is_full;
};

/* ---- nodes --------------------------------------------------------------------------------- */

static size_t *place_of(const struct climb *climb, uintptr_t begin)
{
    size_t at = begin * UINT64_C(0x9e3779b97f4a7c15) >> 32 & (climb->seen_room - 1);
    while (climb->seen[at] != 0 && climb->nodes[climb->seen[at] - 1].ref.object.begin != begin)
        at = (at + 1) & (climb->seen_room - 1);
    return &climb->seen[at];
}

static bool grow(struct climb *climb)
{
    size_t room = climb->room == 0 ? 64 : 2 * climb->room;
    struct node *nodes = realloc(climb->nodes, room * sizeof(*nodes));
    if (nodes == NULL)
        return false;
    climb->nodes = nodes;
    size_t *seen = calloc(2 * room, sizeof(*seen));
    if (seen == NULL)
        return false;
    free(climb->seen);
    climb->seen = seen;
    climb->room = room;
    climb->seen_room = 2 * room;
    for (size_t i = 0; i < climb->count; i++)
        *place_of(climb, climb->nodes[i].ref.object.begin) = i + 1;
    return true;
}

/* False: no memory. */
static bool add_node(struct climb *climb, const struct ml_ref *ref, size_t below)
{
    if (climb->count == climb->room && !grow(climb))
        return false;
    size_t *place = place_of(climb, ref->object.begin);
    if (*place == 0) {
        climb->nodes[climb->count++] = (struct node){ *ref, below };
        *place = climb->count;
    }
    return true;
}

/* ---- one level -------------------------------------------------------------------------------- */

static bool is_top(const struct climb *climb, const struct ml_ref *ref)
{
    bool is_uncollected =
        ref->holder == ML_REF_OBJECT && ref->object.span->kind == ML_UNCOLLECTABLE;
    return ref->holder <= ML_REF_ROOT || (climb->is_collected && is_uncollected);
}

/* What lasts says more than what a thread was just doing. */
static unsigned rank_of(const struct ml_ref *ref)
{
    bool is_stack = ref->holder == ML_REF_ROOT && ref->root->kind == ML_IMAGE_STACK;
    return ref->holder == ML_REF_REGISTER ? 3 : is_stack ? 2 : 1;
}

static void take_top(struct climb *climb, const struct ml_ref *ref, size_t below)
{
    if (climb->top.ref.value != 0 && rank_of(&climb->top.ref) <= rank_of(ref))
        return;
    climb->top = (struct node){ *ref, below };
    climb->search->is_enough = climb->visit == NULL;
}

static bool take(const struct ml_ref *ref, void *argument)
{
    struct climb *climb = argument;
    bool is_done = climb->visit != NULL && climb->visit(ref, climb->argument);
    size_t below = climb->order[ref->target];
    bool is_itself = ref->holder == ML_REF_OBJECT &&
                     ref->object.begin == climb->nodes[below].ref.object.begin;
    if (ref->holder > ML_REF_OBJECT || is_itself)
        return is_done;
    if (is_top(climb, ref)) {
        take_top(climb, ref, below);
        return is_done;
    }
    climb->is_full |= climb->count >= NODES_MOST;
    climb->out_of_memory |= !climb->is_full && !add_node(climb, ref, below);
    return is_done || climb->out_of_memory;
}

static const struct climb *sorting; /* for the comparison; one thread at a time */

static int by_begin(const void *a, const void *b)
{
    uintptr_t left = sorting->nodes[*(const size_t *)a].ref.object.begin;
    uintptr_t right = sorting->nodes[*(const size_t *)b].ref.object.begin;
    return left < right ? -1 : left > right;
}

static int look_for_holders(struct climb *climb)
{
    size_t end = climb->count, count = end - climb->level;
    struct ml_ref_target *targets = malloc(count * sizeof(*targets));
    climb->order = malloc(count * sizeof(*climb->order));
    if (targets == NULL || climb->order == NULL) {
        free(targets);
        free(climb->order);
        return -ENOMEM;
    }
    for (size_t i = 0; i < count; i++)
        climb->order[i] = climb->level + i;
    sorting = climb;
    qsort(climb->order, count, sizeof(*climb->order), by_begin);
    for (size_t i = 0; i < count; i++) {
        const struct ml_view_object *object = &climb->nodes[climb->order[i]].ref.object;
        targets[i] = (struct ml_ref_target){ object->begin, object->begin + object->bytes };
    }
    int error = ml_refs_find(climb->search, targets, count, take, climb);
    free(targets);
    free(climb->order);
    climb->level = end;
    return error != 0 ? error : climb->out_of_memory ? -ENOMEM : 0;
}

/* ---- the chain ------------------------------------------------------------------------------------ */

static int write_down(const struct climb *climb, struct ml_chain *chain)
{
    size_t count = 1;
    for (size_t at = climb->top.below; at != 0; at = climb->nodes[at].below)
        count++;
    chain->steps = malloc(count * sizeof(*chain->steps));
    if (chain->steps == NULL)
        return -ENOMEM;
    chain->steps[chain->count++] = climb->top.ref;
    for (size_t at = climb->top.below; at != 0; at = climb->nodes[at].below)
        chain->steps[chain->count++] = climb->nodes[at].ref;
    return 0;
}

int ml_chain_find(struct ml_chain *chain, struct ml_ref_search *search,
                  const struct ml_view_object *object, unsigned depth, ml_ref_visitor *visit,
                  void *argument)
{
    struct climb climb = { .search = search, .visit = visit, .argument = argument,
                           .is_collected = object->span->kind != ML_UNCOLLECTABLE };
    const struct ml_ref self = { .holder = ML_REF_OBJECT, .object = *object };
    bool everywhere = search->everywhere;
    int error = add_node(&climb, &self, 0) ? 0 : -ENOMEM;
    memset(chain, 0, sizeof(*chain));
    for (unsigned up = 0; error == 0 && climb.top.ref.value == 0 && climb.level < climb.count; up++) {
        chain->was_cut = climb.is_full || up > depth;
        if (chain->was_cut)
            break;
        error = look_for_holders(&climb);
        climb.visit = NULL;
        search->everywhere = false;
    }
    search->everywhere = everywhere;
    search->is_enough = false;
    if (error == 0 && climb.top.ref.value != 0)
        error = write_down(&climb, chain);
    free(climb.nodes);
    free(climb.seen);
    return error;
}

void ml_chain_free(struct ml_chain *chain)
{
    free(chain->steps);
    *chain = (struct ml_chain){ 0 };
}
