/* SPDX-License-Identifier: MIT */
#include "api/options.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>

#include "gc/pacer.h"
#include "memlog.h"
#include "os/clock.h"
#include "os/process.h"
#include "profile/sampler.h"

/* ---- parsers ---------------------------------------------------------------- */

struct unit {
    const char *name;
    uint64_t factor;
};

/* Digits, perhaps a fraction, and a unit: value in the unit's base, exact to
 * nine decimals. False on anything else and on overflow. */
static bool parse_quantity(const char *text, const struct unit *units, uint64_t *value)
{
    enum { DECIMALS = 1000000000 };
    uint64_t whole = 0, fraction = 0, scale = DECIMALS;
    const char *at = text;
    for (; *at >= '0' && *at <= '9'; at++)
        if (__builtin_mul_overflow(whole, 10, &whole) ||
            __builtin_add_overflow(whole, (uint64_t)(*at - '0'), &whole))
            return false;
    if (at == text)
        return false;
    if (*at == '.')
        for (at++; *at >= '0' && *at <= '9' && scale > 1; at++) {
            scale /= 10;
            fraction += (uint64_t)(*at - '0') * scale;
        }
    for (; units->name != NULL; units++) {
        if (strcmp(at, units->name) != 0)
            continue;
        unsigned __int128 product = (unsigned __int128)whole * units->factor +
                                    (unsigned __int128)fraction * units->factor / DECIMALS;
        *value = (uint64_t)product;
        return product <= INT64_MAX;
    }
    return false;
}

bool ml_parse_duration(const char *text, uint64_t *ns)
{
    static const struct unit units[] = {
        { "", ML_NS_PER_SECOND },
        { "s", ML_NS_PER_SECOND },
        { "ms", ML_NS_PER_MS },
        { "us", 1000 },
        { "m", 60 * (uint64_t)ML_NS_PER_SECOND },
        { "h", 3600 * (uint64_t)ML_NS_PER_SECOND },
        { NULL, 0 },
    };
    return parse_quantity(text, units, ns);
}

bool ml_parse_interval(const char *text, uint64_t *ns)
{
    const uint64_t DAY = 86400 * (uint64_t)ML_NS_PER_SECOND;
    return ml_parse_duration(text, ns) && *ns >= ML_NS_PER_MS && *ns <= DAY;
}

bool ml_parse_bytes(const char *text, uint64_t *bytes)
{
    static const struct unit units[] = {
        { "", 1 },
        { "B", 1 },
        { "KB", 1000 },
        { "MB", 1000000 },
        { "GB", 1000000000 },
        { "TB", 1000000000000 },
        { "K", (uint64_t)1 << 10 },
        { "M", (uint64_t)1 << 20 },
        { "G", (uint64_t)1 << 30 },
        { "T", (uint64_t)1 << 40 },
        { "KiB", (uint64_t)1 << 10 },
        { "MiB", (uint64_t)1 << 20 },
        { "GiB", (uint64_t)1 << 30 },
        { "TiB", (uint64_t)1 << 40 },
        { NULL, 0 },
    };
    return parse_quantity(text, units, bytes);
}

bool ml_parse_limit(const char *text, int64_t *bytes)
{
    uint64_t value = INT64_MAX;
    if (strcmp(text, "off") != 0 && !(ml_parse_bytes(text, &value) && value != 0))
        return false;
    *bytes = (int64_t)value;
    return true;
}

bool ml_parse_percent(const char *text, int *percent)
{
    static const struct unit units[] = { { "", 1 }, { "%", 1 }, { NULL, 0 } };
    uint64_t value;
    if (strcmp(text, "off") == 0) {
        *percent = -1;
        return true;
    }
    if (strchr(text, '.') != NULL || !parse_quantity(text, units, &value) || value > INT32_MAX)
        return false;
    *percent = (int)value;
    return true;
}

bool ml_parse_count(const char *text, uint64_t *count)
{
    static const struct unit units[] = { { "", 1 }, { NULL, 0 } };
    return strchr(text, '.') == NULL && parse_quantity(text, units, count);
}

bool ml_parse_flag(const char *text, bool *flag)
{
    static const char *const yes[] = { "1", "yes", "on", "true" };
    static const char *const no[] = { "0", "no", "off", "false" };
    for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
        if (strcmp(text, yes[i]) == 0) {
            *flag = true;
            return true;
        }
        if (strcmp(text, no[i]) == 0) {
            *flag = false;
            return true;
        }
    }
    return false;
}

/* ---- the environment ------------------------------------------------------------ */

static int complain(const char *variable, const char *value, const char *right)
{
    ml_os_complain(variable, ": \"", value, "\" is not ", right, NULL);
    return -EINVAL;
}

void ml_options_collector(struct ml_collector_options *options)
{
    const char *value = ml_os_getenv("MEMLOG_GC_PERCENT");
    options->gc_percent = ML_GC_PERCENT_DEFAULT;
    if (value != NULL && !ml_parse_percent(value, &options->gc_percent))
        complain("MEMLOG_GC_PERCENT", value, "a percentage (try 100, 50, off); taking 100");

    value = ml_os_getenv("MEMLOG_MEMORY_LIMIT");
    options->memory_limit = INT64_MAX;
    if (value != NULL && !ml_parse_limit(value, &options->memory_limit))
        complain("MEMLOG_MEMORY_LIMIT", value, "a size (try 512MiB, 1GiB, off); taking off");

    value = ml_os_getenv("MEMLOG_PAST_END");
    options->pad_all = value != NULL && strcmp(value, "always") == 0;
    if (value != NULL && !options->pad_all && strcmp(value, "roots") != 0)
        complain("MEMLOG_PAST_END", value, "roots or always; taking roots");

    value = ml_os_getenv("MEMLOG_GC");
    options->gc_stops = value != NULL && strcmp(value, "stop") == 0;
    if (value != NULL && !options->gc_stops && strcmp(value, "concurrent") != 0)
        complain("MEMLOG_GC", value, "concurrent or stop; taking concurrent");

    value = ml_os_getenv("MEMLOG_GCTRACE");
    options->gc_trace = false;
    if (value != NULL && !ml_parse_flag(value, &options->gc_trace))
        complain("MEMLOG_GCTRACE", value, "0 or 1; taking 0");

    value = ml_os_getenv("MEMLOG_GC_VERIFY");
    options->gc_verify = false;
    if (value != NULL && !ml_parse_flag(value, &options->gc_verify))
        complain("MEMLOG_GC_VERIFY", value, "0 or 1; taking 0");

    value = ml_os_getenv("MEMLOG_GC_STRESS");
    options->gc_stress = 0;
    if (value != NULL && !ml_parse_count(value, &options->gc_stress))
        complain("MEMLOG_GC_STRESS", value,
                 "a number of allocations (try 100, 1, 0 for off); taking 0");
}


bool ml_parse_signal(const char *text, int *signal)
{
    uint64_t number;
    if (ml_parse_count(text, &number)) {
        *signal = (int)number;
        return number >= 1 && number <= (uint64_t)SIGRTMAX && number != SIGKILL &&
               number != SIGSTOP;
    }
    if (strncmp(text, "SIG", 3) == 0)
        text += 3;
    for (*signal = 1; *signal < SIGSYS; ++*signal) {
        const char *name = sigabbrev_np(*signal);
        if (name != NULL && strcmp(name, text) == 0)
            return *signal != SIGKILL && *signal != SIGSTOP;
    }
    return false;
}

void ml_options_profile(struct ml_profile_options *options)
{
    const char *value = ml_os_getenv("MEMLOG_PROFILE_RATE");
    options->rate = ML_PROFILE_RATE_DEFAULT;
    if (value != NULL && !ml_parse_bytes(value, &options->rate))
        complain("MEMLOG_PROFILE_RATE", value,
                 "a size (try 512KiB, 1 for every allocation, 0 for off); taking 512KiB");

    value = ml_os_getenv("MEMLOG_PROFILE_BYTES");
    options->bytes_most = ML_PROFILE_BYTES_DEFAULT;
    if (value != NULL && !ml_parse_bytes(value, &options->bytes_most))
        complain("MEMLOG_PROFILE_BYTES", value, "a size (try 64MiB, 1GiB); taking 64MiB");

    value = ml_os_getenv("MEMLOG_UNWIND");
    options->by_frame_pointers = value != NULL && strcmp(value, "fp") == 0;
    if (value != NULL && !options->by_frame_pointers && strcmp(value, "gcc") != 0)
        complain("MEMLOG_UNWIND", value, "gcc or fp; taking gcc");

    value = ml_os_getenv("MEMLOG_MEMORY_LIMIT"); /* a bad one is the collector's to report */
    if (value == NULL || !ml_parse_limit(value, &options->memory_limit))
        options->memory_limit = INT64_MAX;

    options->file = ml_os_getenv("MEMLOG_PROFILE_FILE");
    value = ml_os_getenv("MEMLOG_PROFILE_SIGNAL");
    options->signal = 0;
    if (value != NULL && !ml_parse_signal(value, &options->signal)) {
        options->signal = 0;
        complain("MEMLOG_PROFILE_SIGNAL", value,
                 "a signal that can be handled (try USR2, 12); taking none");
    }
}

/* The member, when the caller's struct is long enough to have it. */
#define GIVEN(given, member)                                                                     \
    ((given) != NULL && (given)->size >= offsetof(struct memlog_log_options, member) +           \
                                             sizeof((given)->member)                             \
         ? (given)->member                                                                       \
         : 0)

static int choose_interval(const struct memlog_log_options *given, struct ml_log_settings *settings)
{
    settings->interval_ns = GIVEN(given, interval_ns);
    if (settings->interval_ns != 0) {
        if (settings->interval_ns >= ML_NS_PER_MS)
            return 0;
        ml_os_complain("memlog_log_start: an interval is at least 1 ms", NULL);
        return -EINVAL;
    }
    const char *value = ml_os_getenv("MEMLOG_INTERVAL");
    settings->interval_ns = ML_NS_PER_SECOND;
    if (value != NULL && !ml_parse_interval(value, &settings->interval_ns))
        return complain("MEMLOG_INTERVAL", value, "a time from 1ms to 24h (try 1s, 100ms, 2m)");
    return 0;
}

static int choose_max_bytes(const struct memlog_log_options *given,
                            struct ml_log_settings *settings)
{
    settings->max_bytes = GIVEN(given, max_bytes);
    const char *value = ml_os_getenv("MEMLOG_MAX_BYTES");
    if (settings->max_bytes == 0 && value != NULL &&
        !ml_parse_bytes(value, &settings->max_bytes))
        return complain("MEMLOG_MAX_BYTES", value, "a size (try 64MiB, 1GiB, 0 for no cap)");
    return 0;
}

static int choose_flag(const char *variable, bool otherwise, bool *flag)
{
    const char *value = ml_os_getenv(variable);
    *flag = otherwise;
    if (value != NULL && !ml_parse_flag(value, flag))
        return complain(variable, value, "0 or 1");
    return 0;
}

static int choose_collections(const struct memlog_log_options *given,
                              struct ml_log_settings *settings)
{
    int collections = GIVEN(given, collections);
    settings->tell_cycles = collections > 0;
    return collections != 0 ? 0
                            : choose_flag("MEMLOG_LOG_GC", false, &settings->tell_cycles);
}

int ml_options_log(const struct memlog_log_options *given, struct ml_log_settings *settings)
{
    memset(settings, 0, sizeof(*settings));
    settings->file = GIVEN(given, file);
    if (settings->file == NULL)
        settings->file = ml_os_getenv("MEMLOG_FILE");
    if (settings->file == NULL)
        settings->file = "memory.log";
    settings->columns = GIVEN(given, columns);
    if (settings->columns == NULL)
        settings->columns = ml_os_getenv("MEMLOG_COLUMNS");
    int error = choose_interval(given, settings);
    if (error == 0)
        error = choose_max_bytes(given, settings);
    if (error == 0)
        error = choose_flag("MEMLOG_CHILDREN", false, &settings->children);
    if (error == 0)
        error = choose_flag("MEMLOG_CONTROL", true, &settings->control);
    if (error == 0)
        error = choose_collections(given, settings);
    if (error == 0)
        error = choose_flag("MEMLOG_COMMAND", true, &settings->show_command);
    return error;
}
