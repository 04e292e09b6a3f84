/* SPDX-License-Identifier: MIT */
#include "http/command.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "os/living.h"

static void read_all(const char *path, struct ml_buffer *buffer)
{
    char part[4096];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got;
    while (fd >= 0 && (got = read(fd, part, sizeof(part))) > 0)
        ml_buffer_put(buffer, part, (size_t)got);
    if (fd >= 0)
        close(fd);
}

void ml_command_read(const struct ml_site *site, struct ml_buffer *arguments)
{
    char path[ML_OS_LIVING_BYTES];
    read_all(ml_os_living_file(path, site->source->pid, "/cmdline"), arguments);
    if (arguments->length != 0 && !site->show_command)
        arguments->length = strlen(arguments->bytes);
    if (arguments->length != 0 && arguments->bytes[arguments->length - 1] == '\0')
        arguments->length--;
}

void ml_command_json(const struct ml_site *site, struct ml_buffer *buffer)
{
    struct ml_buffer arguments = { 0 };
    ml_command_read(site, &arguments);
    ml_buffer_string(buffer, "[");
    for (size_t at = 0; at < arguments.length;) {
        size_t length = strnlen(arguments.bytes + at, arguments.length - at);
        ml_buffer_string(buffer, at == 0 ? "" : ",");
        ml_buffer_json(buffer, arguments.bytes + at, length);
        at += length + 1;
    }
    ml_buffer_string(buffer, "]");
    buffer->failed |= arguments.failed;
    ml_buffer_free(&arguments);
}
