/* SPDX-License-Identifier: MIT */
/* plotzone.c - the time zone of a picture. It is chosen by TZ, for the programs that draw take it
 * from there too. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/plot.h"
#include "os/clock.h"

/* "+02:00", "-0330", "+2": seconds east. */
static bool parse_offset(const char *text, int *seconds)
{
    if (text[0] != '+' && text[0] != '-')
        return false;
    unsigned digits[4] = { 0 }, count = 0;
    const char *at = text + 1;
    for (; *at != '\0'; at++) {
        if (*at == ':' && count > 0 && count <= 2 && at[1] != '\0')
            continue;
        if (!isdigit((unsigned char)*at) || count == 4)
            return false;
        digits[count++] = (unsigned)(*at - '0');
    }
    if (count == 0 || count == 3)
        return false;
    unsigned hours = count == 1 ? digits[0] : digits[0] * 10 + digits[1];
    unsigned minutes = digits[2] * 10 + digits[3];
    if (hours > 14 || minutes > 59)
        return false;
    *seconds = (text[0] == '-' ? -1 : 1) * (int)(hours * 3600 + minutes * 60);
    return true;
}

/* A rule as POSIX has it, "CET-1CEST,M3.5.0,M10.5.0/3": letters, then a number. */
static bool is_rule(const char *name)
{
    size_t letters = 0;
    while (isalpha((unsigned char)name[letters]))
        letters++;
    const char *number = name + letters + (name[letters] == '+' || name[letters] == '-');
    return letters >= 3 && isdigit((unsigned char)*number);
}

/* The library takes a name that it does not know for UTC without a word. */
static bool is_known(const char *name)
{
    const char *folder = getenv("TZDIR");
    char path[512];
    int length = snprintf(path, sizeof(path), "%s/%s",
                          folder == NULL ? "/usr/share/zoneinfo" : folder, name);
    bool is_inside = name[0] != '\0' && name[0] != '/' && strstr(name, "..") == NULL &&
                     name[strlen(name) - 1] != '/';
    return is_inside && (size_t)length < sizeof(path) && access(path, R_OK) == 0 &&
           strcspn(name, "/") != 0;
}

bool ml_plot_zone_choose(const char *name)
{
    char rule[64];
    int seconds;
    if (parse_offset(name, &seconds)) {
        int minutes = abs(seconds) / 60;
        char sign = seconds < 0 ? '-' : '+', other = seconds < 0 ? '+' : '-';
        snprintf(rule, sizeof(rule), "<%c%02d%02d>%c%02d:%02d", sign, minutes / 60, minutes % 60,
                 other, minutes / 60, minutes % 60);
        name = rule;
    } else if (strcmp(name, "UTC") == 0 || strcmp(name, "GMT") == 0 || strcmp(name, "Z") == 0) {
        name = "UTC0"; /* also where there is no table of zones */
    } else if (strcmp(name, "local") == 0) {
        return true;
    } else if (!is_known(name) && !is_rule(name)) {
        return false;
    }
    if (setenv("TZ", name, 1) != 0)
        return false;
    tzset();
    return true;
}

void ml_plot_zone_at(struct ml_plot_zone *zone, int64_t time_ns)
{
    struct tm tm;
    time_t seconds = (time_t)(time_ns / ML_NS_PER_SECOND);
    memset(zone, 0, sizeof(*zone));
    strcpy(zone->name, "UTC");
    if (localtime_r(&seconds, &tm) == NULL)
        return;
    zone->offset_seconds = (int)tm.tm_gmtoff;
    int minutes = abs(zone->offset_seconds) / 60;
    bool has_letters = tm.tm_zone != NULL && isalpha((unsigned char)tm.tm_zone[0]);
    if (has_letters)
        snprintf(zone->name, sizeof(zone->name), "%s", tm.tm_zone);
    else
        snprintf(zone->name, sizeof(zone->name), "UTC%c%02d:%02d",
                 zone->offset_seconds < 0 ? '-' : '+', minutes / 60, minutes % 60);
}
