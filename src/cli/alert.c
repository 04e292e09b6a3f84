/* SPDX-License-Identifier: MIT */
#include "cli/alert.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "api/options.h"
#include "cli/units.h"
#include "os/process.h"

/* ---- what is asked for ------------------------------------------------------------ */

bool ml_alerts_add(struct ml_alerts *alerts, const char *condition,
                   char why[ML_CONDITION_WHY_BYTES])
{
    if (alerts->count == ML_ALERTS_MOST) {
        snprintf(why, ML_CONDITION_WHY_BYTES, "there are more than %d of them", ML_ALERTS_MOST);
        return false;
    }
    if (!ml_condition_parse(&alerts->all[alerts->count].condition, condition, why))
        return false;
    alerts->count++;
    return true;
}

bool ml_alerts_add_command(struct ml_alerts *alerts, const char *command,
                           char why[ML_CONDITION_WHY_BYTES])
{
    struct ml_alert *last = alerts->count == 0 ? NULL : &alerts->all[alerts->count - 1];
    bool is_free = last != NULL && last->command == NULL;
    if (is_free)
        last->command = command;
    else
        snprintf(why, ML_CONDITION_WHY_BYTES, "a command goes behind the --alert that it is for, "
                 "one each (several: --exec 'this; that')");
    return is_free;
}

static struct ml_alert_limit limit_without_cgroup(void)
{
    const char *variable = ml_os_getenv("MEMLOG_MEMORY_LIMIT");
    int64_t soft = INT64_MAX;
    if (variable != NULL && ml_parse_limit(variable, &soft) && soft != INT64_MAX)
        return (struct ml_alert_limit){ (uint64_t)soft, "MEMLOG_MEMORY_LIMIT" };
    uint64_t pages = (uint64_t)sysconf(_SC_PHYS_PAGES);
    return (struct ml_alert_limit){ pages * (uint64_t)sysconf(_SC_PAGESIZE),
                                    "the machine's memory, as there is no limit" };
}

void ml_alerts_watch(struct ml_alerts *alerts, pid_t pid, struct ml_lines *own,
                     struct ml_lines *total)
{
    alerts->pid = pid;
    alerts->without_cgroup = limit_without_cgroup();
    for (size_t i = 0; i < alerts->count; i++) {
        struct ml_alert *alert = &alerts->all[i];
        const struct ml_field *field = alert->condition.field;
        bool is_summed = total != NULL && ml_record_has_column(&total->record, field);
        alert->lines = is_summed ? total : own;
        ml_record_need(&alert->lines->record, field);
    }
}

/* ---- numbers ---------------------------------------------------------------------- */

static double number_in(const struct ml_lines *lines, const struct ml_field *field)
{
    const void *at = ml_field_at(field, &lines->stats, &lines->extra, &lines->usage);
    switch ((enum ml_field_type)field->type) {
    case ML_TYPE_U64:
        return (double)*(const uint64_t *)at;
    case ML_TYPE_I64:
        return (double)*(const int64_t *)at;
    case ML_TYPE_U32:
        return (double)*(const uint32_t *)at;
    case ML_TYPE_DOUBLE:
        return *(const double *)at;
    case ML_TYPE_BOOL:
        return *(const bool *)at;
    case ML_TYPE_U64_RING:
    case ML_TYPE_BY_SIZE:
    case ML_TYPE_HISTOGRAM:
        break; /* ml_condition_parse lets none in */
    }
    return 0;
}

static const char *number_text(double number, char *text, size_t capacity)
{
    bool is_whole = number > -1e18 && number < 1e18 && number == (double)(int64_t)number;
    snprintf(text, capacity, is_whole ? "%.0f" : "%.6g", number);
    return text;
}

static struct ml_alert_limit find_limit(const struct ml_alerts *alerts,
                                        const struct ml_lines *lines)
{
    if (lines->limit_bytes != 0)
        return (struct ml_alert_limit){ lines->limit_bytes, "the cgroup's limit" };
    return alerts->without_cgroup;
}

/* ---- telling ------------------------------------------------------------------------ */

/* Behind the condition, as a comment of the log. */
__attribute__((format(printf, 2, 3))) static void note(const struct ml_alert *alert,
                                                       const char *format, ...)
{
    char line[ML_RECORD_COMMENT_BYTES];
    va_list words;
    int length = snprintf(line, sizeof(line), "alert %s ", alert->condition.text);
    va_start(words, format);
    vsnprintf(line + length, sizeof(line) - (size_t)length, format, words);
    va_end(words);
    (void)ml_lines_comment(alert->lines, line);
}

static void say(const struct ml_alert *alert, double value, const struct ml_alert_limit *limit)
{
    const struct ml_condition *condition = &alert->condition;
    char amount[64], of[64], share[160] = "";
    if (condition->field->unit == ML_UNIT_BYTES)
        ml_bytes_text((uint64_t)value, amount, sizeof(amount));
    else
        number_text(value, amount, sizeof(amount));
    if (condition->is_share)
        snprintf(share, sizeof(share), ", %.0f %% of %s, %s", value / (double)limit->bytes * 100,
                 ml_bytes_text(limit->bytes, of, sizeof(of)), limit->whose);
    ml_os_complain("alert ", condition->text, ": ", condition->field->go_name, " is ", amount,
                   share, NULL);
}

/* ---- commands ----------------------------------------------------------------------- */

enum { VARIABLES = 5 };

static void free_all(char **strings, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(strings[i]);
}

__attribute__((format(printf, 1, 2))) static char *text_of(const char *format, ...)
{
    char *text = NULL;
    va_list words;
    va_start(words, format);
    int length = vasprintf(&text, format, words);
    va_end(words);
    return length < 0 ? NULL : text;
}

/* False: no memory. */
static bool make_variables(char *variables[VARIABLES], const struct ml_alerts *alerts,
                           const struct ml_alert *alert, const char *value, const char *limit)
{
    variables[0] = text_of("MEMLOG_ALERT=%s", alert->condition.text);
    variables[1] = text_of("MEMLOG_VALUE=%s", value);
    variables[2] = text_of("MEMLOG_LIMIT=%s", limit);
    variables[3] = text_of("MEMLOG_PID=%d", (int)alerts->pid);
    variables[4] = text_of("MEMLOG_LOG=%s", alert->lines->file.path);
    for (int i = 0; i < VARIABLES; i++)
        if (variables[i] == NULL) {
            free_all(variables, VARIABLES);
            return false;
        }
    return true;
}

static void begin_command(const struct ml_alerts *alerts, struct ml_alert *alert,
                          const char *value, const char *limit)
{
    char *variables[VARIABLES];
    if (alert->running != 0) {
        note(alert, "command: still runs, and is not begun again");
        return;
    }
    pid_t pid = -ENOMEM;
    if (make_variables(variables, alerts, alert, value, limit)) {
        pid = ml_command_start(&alerts->origin, alert->command, variables, VARIABLES);
        free_all(variables, VARIABLES);
    }
    if (pid < 0)
        note(alert, "command: %s", ml_os_error_text(-pid));
    else
        alert->running = pid;
}

void ml_alerts_take_end(struct ml_alerts *alerts, pid_t pid, int status)
{
    for (size_t i = 0; i < alerts->count; i++) {
        struct ml_alert *alert = &alerts->all[i];
        if (alert->running != pid)
            continue;
        alert->running = 0;
        if (WIFSIGNALED(status))
            note(alert, "command: ended by signal %d", WTERMSIG(status));
        else if (WEXITSTATUS(status) != 0)
            note(alert, "command: exit status %d", WEXITSTATUS(status));
    }
}

/* ---- looking ------------------------------------------------------------------------- */

static void tell(const struct ml_alerts *alerts, struct ml_alert *alert, double value,
                 const struct ml_alert_limit *limit)
{
    char value_text[32], limit_text[32];
    number_text(value, value_text, sizeof(value_text));
    number_text((double)limit->bytes, limit_text, sizeof(limit_text));
    if (alert->condition.field->unit == ML_UNIT_BYTES)
        note(alert, "value=%s limit=%s", value_text, limit_text);
    else
        note(alert, "value=%s", value_text);
    if (alert->command == NULL)
        say(alert, value, limit);
    else
        begin_command(alerts, alert, value_text, limit_text);
}

void ml_alerts_look(struct ml_alerts *alerts)
{
    for (size_t i = 0; i < alerts->count; i++) {
        struct ml_alert *alert = &alerts->all[i];
        const struct ml_alert_limit limit = find_limit(alerts, alert->lines);
        double value = number_in(alert->lines, alert->condition.field);
        bool held = alert->holds;
        alert->holds = ml_condition_holds(&alert->condition, held, value, limit.bytes);
        if (alert->holds && !held)
            tell(alerts, alert, value, &limit);
    }
}
