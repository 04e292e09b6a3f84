/* SPDX-License-Identifier: MIT */
#include "http/guard.h"

#include <arpa/inet.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

enum { NAME_BYTES = 256 };

/* "[::1]:6060" -> "::1", "localhost:6060" -> "localhost". False: it is none. */
static bool take_name(const char *host, char name[NAME_BYTES])
{
    size_t length = strcspn(host, ":");
    if (*host == '[') {
        host++;
        length = strcspn(host, "]");
        if (host[length] != ']' || (host[length + 1] != '\0' && host[length + 1] != ':'))
            return false;
    }
    if (length == 0 || length >= NAME_BYTES)
        return false;
    memcpy(name, host, length);
    name[length] = '\0';
    if (name[length - 1] == '.') /* as names are written in full */
        name[length - 1] = '\0';
    return true;
}

static bool is_number(const char *name)
{
    unsigned char address[sizeof(struct in6_addr)];
    return inet_pton(AF_INET, name, address) == 1 || inet_pton(AF_INET6, name, address) == 1;
}

static bool is_localhost(const char *name)
{
    static const char local[] = "localhost";
    size_t length = strlen(name);
    const char *tail = length < sizeof(local) - 1 ? name : name + length - (sizeof(local) - 1);
    return strcasecmp(tail, local) == 0 && (tail == name || tail[-1] == '.');
}

static bool is_listed(const char *list, const char *name)
{
    size_t length = strlen(name);
    for (const char *at = list; at != NULL && *at != '\0';) {
        at += strspn(at, ", ");
        size_t bytes = strcspn(at, ", ");
        if ((bytes == 1 && *at == '*') || (bytes == length && strncasecmp(at, name, length) == 0))
            return true;
        at += bytes;
    }
    return false;
}

static bool is_known_host(const struct ml_guard *guard, const char *host)
{
    char name[NAME_BYTES];
    if (guard->is_unix)
        return true;
    if (!take_name(host, name))
        return false;
    return is_number(name) || is_localhost(name) || is_listed(guard->hosts, name) ||
           (guard->machine != NULL && strcasecmp(guard->machine, name) == 0);
}

/* "http://127.0.0.1:6060", and Host says the same. */
static bool is_same_origin(const char *origin, const char *host)
{
    const char *behind = strstr(origin, "://");
    return behind != NULL && host != NULL && strcasecmp(behind + 3, host) == 0;
}

/* Somebody may have a link to here: that is followed, and shown to nobody else. In a frame of another
 * site's page it would be asked for without anybody's doing. */
static bool is_foreign(const struct ml_guard_claims *claims)
{
    if (claims->fetch_site == NULL || strcmp(claims->fetch_site, "same-origin") == 0 ||
        strcmp(claims->fetch_site, "none") == 0)
        return false;
    if (claims->fetch_mode == NULL || strcmp(claims->fetch_mode, "navigate") != 0)
        return true;
    return claims->fetch_dest != NULL && strcmp(claims->fetch_dest, "document") != 0;
}

const char *ml_guard_refuses(const struct ml_guard *guard, const struct ml_guard_claims *claims)
{
    if (claims->host != NULL && !is_known_host(guard, claims->host))
        return "the Host of the request is neither a number nor localhost nor this machine's name; "
               "MEMLOG_HTTP_HOSTS can list it";
    if (claims->origin != NULL && !is_same_origin(claims->origin, claims->host))
        return "the request comes from another site (Origin)";
    if (is_foreign(claims))
        return "the request comes from another site (Sec-Fetch-Site)";
    return NULL;
}
