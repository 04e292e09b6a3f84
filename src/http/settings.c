/* SPDX-License-Identifier: MIT */
#include "http/settings.h"

#include <errno.h>
#include <string.h>

#include "http/address.h"
#include "os/process.h"

static int take_flag(const char *variable, bool *flag)
{
    const char *value = ml_os_getenv(variable);
    if (value == NULL)
        return 0;
    *flag = strcmp(value, "1") == 0;
    if (*flag || strcmp(value, "0") == 0)
        return 0;
    ml_os_complain(variable, ": \"", value, "\" is not 0 or 1", NULL);
    return -EINVAL;
}

int ml_http_settings(struct ml_server_settings *settings, const char *address)
{
    *settings = (struct ml_server_settings){ .address = address, .show_command = true };
    if (address == NULL)
        settings->address = ml_os_getenv("MEMLOG_HTTP");
    if (settings->address == NULL)
        settings->address = ML_HTTP_ADDRESS;
    settings->hosts = ml_os_getenv("MEMLOG_HTTP_HOSTS");
    int error = take_flag("MEMLOG_COMMAND", &settings->show_command);
    return error != 0 ? error : take_flag("MEMLOG_HTTP_GO_METRICS", &settings->go_metrics);
}
