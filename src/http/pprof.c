/* SPDX-License-Identifier: MIT */
/* pprof.c - /debug/pprof/...: heap profiles as Go's net/http/pprof serves them, with its
 * parameters, headers and errors, and collapsed stacks.
 *
 *   heap, allocs     the same samples; what a reader shows first differs
 *     gc=1           collect before (heap alone)
 *     debug=1        text, with names
 *     seconds=30     what changes in that time
 *     format=collapsed, type=inuse_space ...     for flame graphs
 *   cmdline, symbol
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http/command.h"
#include "http/heaptext.h"
#include "http/pages.h"
#include "http/profile.h"
#include "http/site.h"
#include "http/symbols.h"
#include "http/symbolz.h"
#include "os/account.h"
#include "os/clock.h"

enum { BAD_REQUEST = 400, NOT_FOUND = 404, TOO_MANY = 429, NOT_IMPLEMENTED = 501, UNAVAILABLE = 503 };
enum { SECONDS_MOST = 3600 };

static enum ml_progress refuse(struct ml_request *request, unsigned status, const char *sentence)
{
    request->reply.is_pprof_error = true;
    ml_reply_error(&request->reply, status, sentence);
    return ML_ANSWERED;
}

static enum ml_progress refuse_unreadable(struct ml_request *request, int error)
{
    request->reply.is_pprof_error = true;
    ml_reply_unreadable(&request->reply, error);
    return ML_ANSWERED;
}

/* ---- what is asked for ----------------------------------------------------------------- */

struct wanted {
    const char *name; /* "heap" */
    enum ml_value default_type;
    long seconds;     /* 0: this moment */
    bool text, collapsed, collect;
    enum ml_value type; /* of collapsed stacks */
};

/* NULL, or what is wrong. */
static const char *read_format(const struct ml_request *request, struct wanted *wanted)
{
    const char *format = ml_request_parameter(request, "format");
    const char *type = ml_request_parameter(request, "type");
    wanted->type = wanted->default_type;
    if (format != NULL && strcmp(format, "collapsed") != 0)
        return "format is collapsed, or not said";
    if (type != NULL && !ml_value_parse(type, &wanted->type))
        return "type is one of inuse_space, inuse_objects, alloc_space, alloc_objects";
    wanted->collapsed = format != NULL;
    return NULL;
}

static const char *read_wanted(const struct ml_request *request, struct wanted *wanted)
{
    bool is_heap = strcmp(request->path, "/debug/pprof/heap") == 0;
    *wanted = (struct wanted){ .name = is_heap ? "heap" : "allocs",
                               .default_type = is_heap ? ML_INUSE_SPACE : ML_ALLOC_SPACE };
    wanted->seconds = ml_request_number(request, "seconds", SECONDS_MOST);
    wanted->text = ml_request_flag(request, "debug");
    wanted->collect = is_heap && wanted->seconds == 0 && ml_request_flag(request, "gc");
    if (wanted->seconds < 0)
        return "seconds is a number from 1 to 3600";
    if (wanted->seconds != 0 && wanted->text)
        return "seconds and debug don't go together";
    return read_format(request, wanted);
}

/* ---- collections ------------------------------------------------------------------------- */

/* Somebody who asks again and again would have the program do nothing else. */
static unsigned collect(struct ml_request *request, const char **why)
{
    const struct ml_site *site = request->site;
    uint64_t now = ml_os_monotonic_ns();
    if (*site->collected_ns != 0 && now - *site->collected_ns < ML_NS_PER_SECOND) {
        request->reply.retry_after = 1;
        *why = "one collection a second can be asked for";
        return TOO_MANY;
    }
    int error = site->source->collect(site->source->context);
    if (error == 0)
        *site->collected_ns = ml_os_monotonic_ns();
    *why = "the program is looked at from outside, and nobody can have it collect";
    return error == 0 ? 0 : NOT_IMPLEMENTED;
}

/* ---- names ------------------------------------------------------------------------------- */

/* Kept from one request to the next: to read a large program's table of symbols takes its time. */
static struct ml_symbols *symbols_of(const struct ml_site *site)
{
    if (*site->symbols == NULL)
        *site->symbols = ml_symbols_open(site->source->pid);
    if (*site->symbols != NULL)
        (void)ml_symbols_refresh(*site->symbols);
    return *site->symbols;
}

/* ---- writing ------------------------------------------------------------------------------ */

static uint64_t most_rss(const struct ml_site *site)
{
    struct ml_os_account account;
    char proc[32];
    snprintf(proc, sizeof(proc), "/proc/%d", (int)site->source->pid);
    ml_os_account_read(proc, &account);
    return account.peak_resident_bytes;
}

static int write_text(struct ml_request *request, const struct ml_snapshot *snapshot,
                      const struct memlog_memstats *stats)
{
    struct ml_symbols *symbols = symbols_of(request->site);
    if (symbols == NULL)
        return -ENOMEM;
    struct ml_namer namer = ml_symbols_namer_with_lines(symbols);
    request->reply.type = ML_TYPE_TEXT;
    return ml_heaptext_write(snapshot, stats, most_rss(request->site), &namer,
                             &request->reply.body);
}

static int write_collapsed(struct ml_request *request, const struct ml_profile *profile, enum ml_value type)
{
    struct ml_symbols *symbols = symbols_of(request->site);
    if (symbols == NULL)
        return -ENOMEM;
    struct ml_namer namer = ml_symbols_namer_with_lines(symbols);
    request->reply.type = ML_TYPE_TEXT;
    return ml_profile_collapse(profile, type, &namer, &request->reply.body);
}

static int write_encoded(struct ml_request *request, const struct ml_profile *profile,
                         const struct wanted *wanted)
{
    struct ml_reply *reply = &request->reply;
    char comment[64];
    snprintf(comment, sizeof(comment), "memlog %s", request->site->version);
    reply->type = ML_TYPE_BYTES;
    reply->filename = wanted->seconds == 0         ? wanted->name
                      : wanted->name[0] == 'h' ? "heap-delta"
                                               : "allocs-delta";
    int error = ml_profile_encode(profile, wanted->default_type, comment, &reply->body);
    return error == 0 && !ml_buffer_gzip(&reply->body) ? -ENOMEM : error;
}

static enum ml_progress write_profile(struct ml_request *request, const struct wanted *wanted,
                                      const struct ml_snapshot *before, const struct ml_snapshot *snapshot)
{
    struct ml_profile profile;
    int error = before == NULL ? ml_profile_of(&profile, snapshot)
                               : ml_profile_between(&profile, before, snapshot);
    if (error == 0) {
        error = wanted->collapsed ? write_collapsed(request, &profile, wanted->type)
                                  : write_encoded(request, &profile, wanted);
        ml_profile_free(&profile);
    }
    return error == 0 ? ML_ANSWERED : refuse_unreadable(request, error);
}

/* ---- the steps ----------------------------------------------------------------------------- */

static int take(const struct ml_request *request, struct ml_snapshot *snapshot)
{
    const struct ml_source *source = request->site->source;
    return source->profile(source->context, snapshot);
}

static void drop_snapshot(void *kept)
{
    ml_snapshot_free(kept);
    free(kept);
}

/* The first half of a difference. */
static enum ml_progress begin_difference(struct ml_request *request, long seconds)
{
    struct ml_snapshot *before = calloc(1, sizeof(*before));
    int error = before == NULL ? -ENOMEM : take(request, before);
    if (error != 0) {
        free(before);
        return refuse_unreadable(request, error);
    }
    request->kept = before;
    request->drop = drop_snapshot;
    request->due_ns = ml_os_monotonic_ns() + (uint64_t)seconds * ML_NS_PER_SECOND;
    return ML_LATER;
}

static enum ml_progress profile_now(struct ml_request *request, const struct wanted *wanted)
{
    const struct ml_source *source = request->site->source;
    struct memlog_memstats stats; /* before the profile, whose making takes memory */
    struct memlog_extra extra = { .size = sizeof(extra) };
    struct ml_snapshot snapshot;
    int error = source->read(source->context, &stats, &extra);
    if (error == 0)
        error = take(request, &snapshot);
    if (error != 0)
        return refuse_unreadable(request, error);
    enum ml_progress progress = ML_ANSWERED;
    if (request->kept != NULL || !wanted->text)
        progress = write_profile(request, wanted, request->kept, &snapshot);
    else if ((error = write_text(request, &snapshot, &stats)) != 0)
        progress = refuse_unreadable(request, error);
    ml_snapshot_free(&snapshot);
    return progress;
}

/* An answer may be tens of megabytes, and stays until it is taken: many who ask and do not read would
 * have this process take more memory than there is for it. */
static bool is_too_much_held(const struct ml_site *site)
{
    const uint64_t HELD_MOST = 64 << 20;
    return __atomic_load_n(site->held_bytes, __ATOMIC_RELAXED) > HELD_MOST;
}

static enum ml_progress give_profile(struct ml_request *request)
{
    struct wanted wanted;
    const char *why = read_wanted(request, &wanted);
    if (why != NULL)
        return refuse(request, BAD_REQUEST, why);
    if (!request->by_worker)
        return ML_ELSEWHERE;
    if (is_too_much_held(request->site)) {
        request->reply.retry_after = 1;
        return refuse(request, UNAVAILABLE, "others have not taken their profiles yet");
    }
    unsigned status = wanted.collect ? collect(request, &why) : 0;
    if (status != 0)
        return refuse(request, status, why);
    if (wanted.seconds != 0 && request->step == 1)
        return begin_difference(request, wanted.seconds);
    return profile_now(request, &wanted);
}

enum ml_progress ml_page_heap(struct ml_request *request) { return give_profile(request); }
enum ml_progress ml_page_allocs(struct ml_request *request) { return give_profile(request); }

/* ---- the rest ------------------------------------------------------------------------------- */

enum ml_progress ml_page_cmdline(struct ml_request *request)
{
    request->reply.type = ML_TYPE_TEXT;
    ml_command_read(request->site, &request->reply.body);
    return ML_ANSWERED;
}

/* Addresses stand behind the question mark, or are posted: "0x55d1+0x55a0". */
enum ml_progress ml_page_symbol(struct ml_request *request)
{
    if (!request->by_worker)
        return ML_ELSEWHERE;
    struct ml_symbols *symbols = symbols_of(request->site);
    if (symbols == NULL)
        return refuse_unreadable(request, -ENOMEM);
    struct ml_namer namer = ml_symbols_namer(symbols);
    if (request->upload.length == 0)
        ml_request_query(request, &request->upload);
    request->reply.type = ML_TYPE_TEXT;
    ml_symbolz_write(request->upload.bytes, request->upload.length, &namer, &request->reply.body);
    return ML_ANSWERED;
}

enum ml_progress ml_page_no_profile(struct ml_request *request)
{
    return refuse(request, NOT_FOUND, "Unknown profile");
}
