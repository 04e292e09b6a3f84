/* SPDX-License-Identifier: MIT */
#include "cli/core.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/options.h"
#include "cli/arguments.h"
#include "cli/postmortem.h"
#include "os/process.h"
#include "stats/json.h"
#include "stats/raw.h"
#include "stats/text.h"

/* ---- options -------------------------------------------------------------------------------- */

enum part { STATISTICS, SPANS, TOP, WHERE, REFS, CHECK, PROFILE };

struct request {
    const char *file, *program, *profile;
    enum part part;
    bool all, json;
    const char *unit_said;
    enum ml_text_unit unit;
    uintptr_t address;
    uint64_t top, limit, depth; /* 0: not said */
};

enum { KEY_SPANS = 0x100, KEY_TOP, KEY_WHERE, KEY_REFS, KEY_CHECK, KEY_PROFILE, KEY_LIMIT, KEY_DEPTH };

static const struct argp_option options[] = {
    { NULL, 0, NULL, 0, "The statistics, which are printed unless something else is asked for:", 1 },
    { "all", 'a', NULL, 0, "also the size classes, and what memlog counts and Go does not", 1 },
    { "unit", 'u', "UNIT", 0, "of bytes: bytes, KiB, MiB (2^20, unless said otherwise), GiB, MB (10^6)", 1 },
    { "json", 'j', NULL, 0,
      "MemStats as Go's encoding/json writes it; with --all {\"memstats\":..., \"memlog\":...}", 1 },
    { NULL, 0, NULL, 0, "The heap:", 2 },
    { "spans", KEY_SPANS, NULL, 0, "its size classes: spans, objects, how full they are", 2 },
    { "top", KEY_TOP, "N", OPTION_ARG_OPTIONAL,
      "the N (20) largest objects, most frequent sizes, stacks that hold most", 2 },
    { "whereis", KEY_WHERE, "ADDRESS", 0, "what is there: object, span, root", 2 },
    { "find-refs", KEY_REFS, "ADDRESS", 0,
      "which objects and roots hold a pointer to the object there, and why it is alive; "
      "with --all also pointers that keep nothing alive", 2 },
    { "check", KEY_CHECK, NULL, 0, "whether the heap is as it should be; exit status 1: it is not", 2 },
    { "profile", KEY_PROFILE, "OUT", 0,
      "write the heap profile that was in its memory, for go tool pprof and memlog collapse", 2 },
    { "limit", KEY_LIMIT, "N", 0, "with --find-refs: list so many (50); all are counted", 2 },
    { "depth", KEY_DEPTH, "N", 0, "with --find-refs: so many objects (16) between it and a root", 2 },
    { NULL, 0, NULL, 0, NULL, 0 },
};

static uintptr_t parse_address(const char *word, struct argp_state *state)
{
    char *end;
    errno = 0;
    uintptr_t address = strtoull(word, &end, strncmp(word, "0x", 2) == 0 ? 16 : 10);
    if (errno != 0 || *end != '\0' || end == word || *word == '-')
        argp_error(state, "\"%s\" is not an address (try 0x7f0012345678)", word);
    return address;
}

static void parse_number(const char *option, const char *word, uint64_t *number,
                         struct argp_state *state)
{
    if (!ml_parse_count(word, number) || *number == 0 || *number > UINT32_MAX)
        argp_error(state, "%s: \"%s\" is not a number from 1 on", option, word);
}

static void choose(struct request *request, enum part part, struct argp_state *state)
{
    if (request->part != STATISTICS)
        argp_error(state, "one of --spans, --top, --whereis, --find-refs, --check and --profile at a time");
    request->part = part;
}

static error_t take_file(struct request *request, char *argument, struct argp_state *state)
{
    if (request->program != NULL)
        argp_error(state, "one core file and one program: \"%s\" is one too many", argument);
    *(request->file == NULL ? &request->file : &request->program) = argument;
    return 0;
}

static error_t take_heap_option(int key, char *argument, struct argp_state *state)
{
    struct request *request = state->input;
    switch (key) {
    case KEY_SPANS:
        choose(request, SPANS, state);
        return 0;
    case KEY_TOP:
        choose(request, TOP, state);
        if (argument != NULL)
            parse_number("--top", argument, &request->top, state);
        return 0;
    case KEY_WHERE:
        choose(request, WHERE, state);
        request->address = parse_address(argument, state);
        return 0;
    case KEY_REFS:
        choose(request, REFS, state);
        request->address = parse_address(argument, state);
        return 0;
    case KEY_CHECK:
        choose(request, CHECK, state);
        return 0;
    case KEY_PROFILE:
        choose(request, PROFILE, state);
        request->profile = argument;
        return 0;
    case KEY_LIMIT:
        parse_number("--limit", argument, &request->limit, state);
        return 0;
    case KEY_DEPTH:
        parse_number("--depth", argument, &request->depth, state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static void check(const struct request *request, struct argp_state *state)
{
    bool is_statistics = request->part == STATISTICS, is_refs = request->part == REFS;
    if (request->file == NULL)
        argp_error(state, "which core file? memlog core [OPTION...] FILE [EXE]");
    if (request->json && !is_statistics)
        argp_error(state, "--json: of the statistics only");
    if (request->unit_said != NULL && !is_statistics)
        argp_error(state, "--unit: of the statistics only");
    if (request->unit_said != NULL && request->json)
        argp_error(state, "--unit: JSON has bytes only");
    if (request->all && !is_statistics && !is_refs)
        argp_error(state, "--all: of the statistics and of --find-refs only");
    if ((request->limit != 0 || request->depth != 0) && !is_refs)
        argp_error(state, "--limit, --depth: with --find-refs only");
}

static error_t take_option(int key, char *argument, struct argp_state *state)
{
    struct request *request = state->input;
    switch (key) {
    case 'a':
        request->all = true;
        return 0;
    case 'j':
        request->json = true;
        return 0;
    case 'u':
        request->unit_said = argument;
        if (!ml_text_unit_parse(argument, &request->unit))
            argp_error(state, "--unit: \"%s\" is none of bytes, KiB, MiB, GiB, MB", argument);
        return 0;
    case ARGP_KEY_ARG:
        return take_file(request, argument, state);
    case ARGP_KEY_END:
        check(request, state);
        return 0;
    default:
        return take_heap_option(key, argument, state);
    }
}

static const struct argp argp = {
    .options = options,
    .parser = take_option,
    .args_doc = "FILE [EXE]",
    .doc = "Print the statistics of a process that has memlog in it, and look into its heap, out of "
           "its core file. EXE is the program's file, where it is not where it was."
           "\vNo debug information is needed. The exit status is 0; 125 when the file can't be read as "
           "a core file with memlog in it, or the standard output can't be written.",
};

/* ---- the statistics ------------------------------------------------------------------------------ */

static void write_json(struct ml_text *text, const struct request *request,
                       const struct memlog_memstats *stats, const struct memlog_extra *extra)
{
    if (request->all)
        ml_json_all(text, stats, extra);
    else
        ml_json_memstats(text, stats);
    ml_text_char(text, '\n');
}

static void tell_of_death(const struct ml_postmortem *dead)
{
    const struct ml_core *core = &dead->core;
    printf("%s: process %d%s%s%s", dead->file, core->pid, core->command[0] == '\0' ? "" : " (",
           core->command, core->command[0] == '\0' ? "" : ")");
    if (core->signal != 0)
        printf(", signal SIG%s", sigabbrev_np(core->signal) != NULL ? sigabbrev_np(core->signal) : "?");
    if (core->has_fault)
        printf(" at 0x%" PRIxPTR, core->fault);
    printf(", %zu thread%s\n", core->threads_count, core->threads_count == 1 ? "" : "s");
}

static int print_statistics(struct ml_postmortem *dead, const struct request *request)
{
    enum { MOST = 48 * 1024 };
    static char numbers[MOST];
    static struct ml_raw_stats raw; /* large */
    static struct memlog_memstats stats;
    static struct memlog_extra extra = { .size = sizeof(extra) };
    struct ml_text text;
    int error = ml_image_read(dead->image, &raw);
    if (error != 0) {
        ml_postmortem_complain(dead, "", error);
        return ML_CORE_FAILED;
    }
    ml_stats_from_raw(&stats, &raw);
    ml_extra_from_raw(&extra, &raw);
    ml_image_add_log_counts(dead->image, &extra);
    ml_text_init(&text, numbers, sizeof(numbers));
    if (request->json)
        write_json(&text, request, &stats, &extra);
    else if (request->all)
        ml_text_stats(&text, &stats, &extra, request->unit);
    else
        ml_text_memstats(&text, &stats, request->unit);
    ml_text_finish(&text);
    if (!request->json)
        tell_of_death(dead);
    fputs(numbers, stdout);
    fflush(stdout);
    if (ml_image_has_nonsense(dead->image)) {
        ml_postmortem_complain(dead, "a thread's counters were overwritten: the numbers can't be right",
                               0);
        return ML_CORE_FAILED;
    }
    ml_postmortem_tell_of_updates(dead);
    return 0;
}

/* ---- all of it -------------------------------------------------------------------------------------- */

static int print(struct ml_postmortem *dead, const struct request *request)
{
    switch (request->part) {
    case SPANS:
        return ml_core_print_spans(dead);
    case TOP:
        return ml_core_print_top(dead, request->top == 0 ? 20 : (unsigned)request->top);
    case WHERE:
        return ml_core_print_where(dead, request->address);
    case REFS:
        return ml_core_print_refs(dead, request->address, request->all,
                                  request->limit == 0 ? 50 : (unsigned)request->limit,
                                  request->depth == 0 ? 16 : (unsigned)request->depth);
    case CHECK:
        return ml_core_print_check(dead);
    case PROFILE:
        return ml_core_write_profile(dead, request->profile);
    default:
        return print_statistics(dead, request);
    }
}

int ml_cli_core(int argc, char **argv)
{
    static struct ml_postmortem dead; /* large */
    struct request request = { .unit = ML_TEXT_MIB };
    ml_arguments_take(&argp, "memlog core", ML_CORE_FAILED, 0, argc, argv, &request);
    int status = ml_postmortem_open(&dead, request.file, request.program);
    if (status == 0)
        status = print(&dead, &request);
    ml_postmortem_close(&dead);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        ml_os_complain("cannot write: ", ml_os_error_text(errno), NULL);
        return ML_CORE_FAILED;
    }
    return status;
}
