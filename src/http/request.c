/* SPDX-License-Identifier: MIT */
#include "http/request.h"

#include <stdlib.h>

#include <microhttpd.h>

const char *ml_request_parameter(const struct ml_request *request, const char *name)
{
    return MHD_lookup_connection_value(request->link, MHD_GET_ARGUMENT_KIND, name);
}

static enum MHD_Result add_name(void *buffer, enum MHD_ValueKind kind, const char *name, const char *value)
{
    (void)kind, (void)value;
    ml_buffer_string(buffer, name);
    ml_buffer_string(buffer, "+");
    return MHD_YES;
}

/* The library has made blanks of the pluses. */
void ml_request_query(const struct ml_request *request, struct ml_buffer *buffer)
{
    (void)MHD_get_connection_values(request->link, MHD_GET_ARGUMENT_KIND, add_name, buffer);
    for (size_t i = 0; i < buffer->length; i++)
        if (buffer->bytes[i] == ' ')
            buffer->bytes[i] = '+';
}

const char *ml_request_header(const struct ml_request *request, const char *name)
{
    return MHD_lookup_connection_value(request->link, MHD_HEADER_KIND, name);
}

long ml_request_number(const struct ml_request *request, const char *name, long most)
{
    const char *text = ml_request_parameter(request, name);
    char *end;
    if (text == NULL || *text == '\0')
        return 0;
    long number = strtol(text, &end, 10);
    bool is_one = *text >= '0' && *text <= '9' && *end == '\0';
    return is_one && number >= 1 && number <= most ? number : -1;
}

bool ml_request_flag(const struct ml_request *request, const char *name)
{
    const char *text = ml_request_parameter(request, name);
    return text != NULL && strtol(text, NULL, 10) > 0;
}
