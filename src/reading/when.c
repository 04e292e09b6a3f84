/* SPDX-License-Identifier: MIT */
#include "reading/when.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "reading/log.h"

static const int64_t NS = 1000000000;

/* ---- as it is said --------------------------------------------------------------------- */

/* So many digits exactly; -1: they are not there. */
static int take_digits(const char **at, int count)
{
    int value = 0;
    for (int i = 0; i < count; i++, (*at)++) {
        if (**at < '0' || **at > '9')
            return -1;
        value = value * 10 + (**at - '0');
    }
    return value;
}

static bool take(const char **at, const char *any)
{
    if (**at == '\0' || strchr(any, **at) == NULL)
        return false;
    (*at)++;
    return true;
}

/* ".5" behind the seconds. */
static int64_t take_fraction(const char **at)
{
    int64_t fraction = 0, unit = NS / 10;
    if (!take(at, ".,"))
        return 0;
    for (; **at >= '0' && **at <= '9'; (*at)++, unit /= 10)
        fraction += unit * (**at - '0');
    return fraction;
}

/* "08:00", "08:00:15.5": since midnight. */
static bool take_daytime(const char **at, int64_t *ns)
{
    int hours = take_digits(at, 2);
    int minutes = hours >= 0 && take(at, ":") ? take_digits(at, 2) : -1;
    int seconds = minutes >= 0 && take(at, ":") ? take_digits(at, 2) : 0;
    if (hours < 0 || hours > 24 || minutes < 0 || minutes > 59 || seconds < 0 || seconds > 60)
        return false;
    *ns = ((hours * 60 + minutes) * INT64_C(60) + seconds) * NS + take_fraction(at);
    return true;
}

/* "Z", "+02:00", "+0200", "+02". false: there is none. */
static bool take_offset(const char **at, int64_t *ns)
{
    *ns = 0;
    if (take(at, "Zz"))
        return true;
    int sign = **at == '-' ? -1 : 1;
    if (!take(at, "+-"))
        return false;
    int hours = take_digits(at, 2);
    (void)take(at, ":");
    int minutes = **at == '\0' ? 0 : take_digits(at, 2);
    *ns = sign * (hours * 60 + minutes) * 60 * NS;
    return hours >= 0 && hours <= 24 && minutes >= 0 && minutes <= 59;
}

/* Not all of it in seconds: on the days when the clock is changed those are others. */
static void set_daytime(struct tm *tm, int64_t ns)
{
    int seconds = (int)(ns / NS);
    tm->tm_hour = seconds / 3600;
    tm->tm_min = seconds / 60 % 60;
    tm->tm_sec = seconds % 60;
    tm->tm_isdst = -1;
}

static bool is_day(int year, int month, int day)
{
    bool is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    int days = month == 2 ? 28 + is_leap : month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
    return month >= 1 && month <= 12 && day >= 1 && day <= days;
}

static bool parse_clock(const char *at, struct ml_when *when)
{
    struct tm tm = { 0 };
    int64_t daytime = 0, offset = 0;
    int year = take_digits(&at, 4), month = take(&at, "-") ? take_digits(&at, 2) : -1,
        day = take(&at, "-") ? take_digits(&at, 2) : -1;
    if (year < 1970 || year > 2110 || !is_day(year, month, day))
        return false;
    if (take(&at, "T ") && !take_daytime(&at, &daytime))
        return false;
    bool has_offset = *at != '\0';
    if (has_offset && (!take_offset(&at, &offset) || *at != '\0'))
        return false;
    tm.tm_year = year - 1900;
    tm.tm_mon = month - 1;
    tm.tm_mday = day;
    set_daytime(&tm, daytime);
    time_t seconds = has_offset ? timegm(&tm) : mktime(&tm);
    when->kind = ML_WHEN_CLOCK;
    when->ns = (int64_t)seconds * NS + daytime % NS - offset;
    return true;
}

static bool parse_epoch(const char *at, struct ml_when *when)
{
    char *end;
    errno = 0;
    long long seconds = strtoll(at, &end, 10);
    const char *rest = end;
    if (end == at || errno != 0 || seconds < 0 || seconds >= ML_LINE_TIME_MOST_NS / NS)
        return false;
    when->kind = ML_WHEN_CLOCK;
    when->ns = seconds * NS + take_fraction(&rest);
    return *rest == '\0';
}

/* "90", "90s", "1.5h", "1h30m": seconds where no unit is said. */
static bool parse_distance(const char *at, int64_t *ns)
{
    static const struct {
        const char *unit;
        double seconds;
    } units[] = { { "ms", 0.001 }, { "s", 1 }, { "min", 60 }, { "m", 60 }, { "h", 3600 }, { "d", 86400 }, { "w", 604800 } };
    double sum = 0;
    do {
        char *end;
        if ((*at < '0' || *at > '9') && *at != '.')
            return false;
        double number = strtod(at, &end);
        size_t i = 0, count = sizeof(units) / sizeof(units[0]);
        while (i < count && strncmp(end, units[i].unit, strlen(units[i].unit)) != 0)
            i++;
        if (i == count && *end != '\0')
            return false;
        sum += number * (i == count ? 1 : units[i].seconds);
        at = end + (i == count ? 0 : strlen(units[i].unit));
    } while (*at != '\0');
    if (!(sum < 4e9)) /* a century */
        return false;
    *ns = (int64_t)(sum * 1e9 + 0.5);
    return true;
}

bool ml_when_parse(const char *text, struct ml_when *when)
{
    const char *at = text;
    *when = (struct ml_when){ .kind = ML_WHEN_ABSENT };
    if (strncmp(text, "mark:", 5) == 0 && text[5] != '\0') {
        when->kind = ML_WHEN_MARK;
        when->mark = text + 5;
        return true;
    }
    if (*text == '@')
        return parse_epoch(text + 1, when);
    if (*text == '+' || *text == '-') {
        when->kind = *text == '+' ? ML_WHEN_AFTER_START : ML_WHEN_BEFORE_END;
        return parse_distance(text + 1, &when->ns);
    }
    if (strlen(text) >= 5 && text[2] == ':') {
        when->kind = ML_WHEN_DAYTIME;
        return take_daytime(&at, &when->ns) && *at == '\0';
    }
    return parse_clock(text, when);
}

bool ml_when_is_relative(const struct ml_when *when)
{
    return when->kind != ML_WHEN_ABSENT && when->kind != ML_WHEN_CLOCK;
}

/* ---- in the log ------------------------------------------------------------------------ */

struct span {
    bool has_any;
    int64_t first_ns, last_ns;
};

static void see_sample(void *context, const struct ml_log_sample *sample)
{
    struct span *span = context;
    if (!span->has_any)
        span->first_ns = sample->time_ns;
    span->last_ns = sample->time_ns;
    span->has_any = true;
}

static int find_span(const char *file, int64_t *first_ns, int64_t *last_ns)
{
    struct span span = { .has_any = false };
    const struct ml_log_visitor visitor = { .context = &span, .sample = see_sample };
    int error = ml_log_visit(file, &visitor, NULL, NULL, NULL);
    if (error != 0)
        return error;
    *first_ns = span.first_ns;
    *last_ns = span.last_ns;
    return span.has_any ? 0 : -ENODATA;
}

struct search {
    const char *name;
    bool is_found;
    bool waits; /* found before the run's first sample: it is that one's moment */
    int64_t ns;
};

static void see_event(void *context, const struct ml_log_event *event)
{
    struct search *search = context;
    if (search->is_found || search->waits || event->kind != ML_EVENT_MARK ||
        event->length != strlen(search->name) || memcmp(event->text, search->name, event->length) != 0)
        return;
    search->is_found = event->has_time;
    search->waits = !event->has_time;
    search->ns = event->time_ns;
}

static void see_sample_behind(void *context, const struct ml_log_sample *sample)
{
    struct search *search = context;
    if (!search->waits)
        return;
    search->waits = false;
    search->is_found = true;
    search->ns = sample->time_ns;
}

static int find_mark(const char *file, const char *name, int64_t *ns)
{
    struct search search = { .name = name };
    const struct ml_log_visitor visitor = { .context = &search, .sample = see_sample_behind, .event = see_event };
    int error = ml_log_visit(file, &visitor, NULL, NULL, NULL);
    *ns = search.ns;
    return error != 0 ? error : search.is_found ? 0 : -ENOENT;
}

/* That time of day on the day of a moment, or so many days later; days are not equally long. */
static int64_t daytime_on(int64_t daytime_ns, int64_t day_ns, int later)
{
    time_t day = (time_t)(day_ns / NS);
    struct tm tm;
    localtime_r(&day, &tm);
    tm.tm_mday += later;
    set_daytime(&tm, daytime_ns);
    return (int64_t)mktime(&tm) * NS + daytime_ns % NS;
}

static int64_t daytime_not_after(int64_t daytime_ns, int64_t last_ns)
{
    int64_t ns = daytime_on(daytime_ns, last_ns, 0);
    return ns > last_ns ? daytime_on(daytime_ns, last_ns, -1) : ns;
}

static int64_t daytime_not_before(int64_t daytime_ns, int64_t first_ns)
{
    int64_t ns = daytime_on(daytime_ns, first_ns, 0);
    return ns < first_ns ? daytime_on(daytime_ns, first_ns, 1) : ns;
}

int ml_when_resolve(const struct ml_when *when, const char *file, int64_t from_ns, int64_t *ns)
{
    int64_t first, last;
    *ns = when->ns;
    if (!ml_when_is_relative(when))
        return 0;
    if (when->kind == ML_WHEN_MARK)
        return find_mark(file, when->mark, ns);
    int error = find_span(file, &first, &last);
    if (error != 0)
        return error;
    if (when->kind != ML_WHEN_DAYTIME) {
        *ns = when->kind == ML_WHEN_AFTER_START ? first + when->ns : last - when->ns;
        return 0;
    }
    *ns = daytime_not_after(when->ns, last);
    if (from_ns == INT64_MAX)
        return 0;
    int64_t least = from_ns > first ? from_ns : first;
    if (*ns < least)
        *ns = daytime_not_before(when->ns, least);
    return 0;
}

/* A pipe: what is looked for would be taken from what is to be read. */
static bool is_read_once(const char *file)
{
    struct stat at;
    return strcmp(file, "-") == 0 || (stat(file, &at) == 0 && !S_ISREG(at.st_mode) && !S_ISDIR(at.st_mode));
}

/* Of which log the moments are. */
struct place {
    const char *file, *called;
};

static bool resolve_said(const char *option, const char *said, const struct place *log, int64_t from_ns, int64_t *ns)
{
    struct ml_when when;
    if (said == NULL)
        return true;
    if (!ml_when_parse(said, &when)) {
        fprintf(stderr, "memlog: %s: \"%s\" is no moment (try 2026-11-21T08:00, 08:00, @1294926363, -2h, +10m, "
                        "mark:NAME)\n", option, said);
        return false;
    }
    if (ml_when_is_relative(&when) && is_read_once(log->file)) {
        fprintf(stderr, "memlog: %s: \"%s\" can't be found in %s, which is read once: name a file\n", option, said,
                log->called);
        return false;
    }
    int error = ml_when_resolve(&when, log->file, from_ns, ns);
    if (error == -ENOENT && when.kind == ML_WHEN_MARK)
        fprintf(stderr, "memlog: %s: there is no mark \"%s\" in %s\n", option, when.mark, log->called);
    else if (error != 0)
        fprintf(stderr, "memlog: %s: %s\n", log->called, error == -ENODATA ? "no samples" : strerror(-error));
    return error == 0;
}

bool ml_when_range(const char *from, const char *to, const char *file, const char *called,
                   int64_t *from_ns, int64_t *to_ns)
{
    const struct place log = { file, called };
    *from_ns = INT64_MIN;
    *to_ns = INT64_MAX;
    if (!resolve_said("--from", from, &log, INT64_MAX, from_ns) ||
        !resolve_said("--to", to, &log, *from_ns, to_ns))
        return false;
    if (*from_ns > *to_ns)
        fprintf(stderr, "memlog: --from is later than --to\n");
    return *from_ns <= *to_ns;
}
