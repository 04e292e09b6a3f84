/* SPDX-License-Identifier: MIT */
#include "cli/contact.h"

#include <errno.h>

#include "cli/locate.h"
#include "cli/system.h"

static int open_memory(struct ml_contact *contact)
{
    const struct ml_memory memory = { ml_space_read, &contact->space };
    int error = -ENOENT;
    contact->root = ml_locate_root(&contact->space);
    if (contact->root != 0)
        contact->image = ml_image_open(&memory, contact->root, &error);
    return error;
}

/* Its mappings may be read all the same, where only tracing is restricted. */
static int open_answers(struct ml_contact *contact)
{
    int error = ml_ask_open(&contact->ask, contact->pid);
    if (error == 0)
        error = ml_ask_numbers(&contact->ask, &contact->answer);
    contact->is_asked = contact->has_answer = error == 0;
    return error == 0 ? 0 : -EPERM;
}

int ml_contact_open(struct ml_contact *contact, pid_t pid)
{
    *contact = (struct ml_contact)ML_CONTACT_NONE;
    contact->pid = pid;
    int error = ml_space_open(&contact->space, pid);
    if (error == 0)
        return open_memory(contact);
    return error == -ESRCH ? error : open_answers(contact);
}

void ml_contact_close(struct ml_contact *contact)
{
    ml_image_close(contact->image);
    ml_space_close(&contact->space);
    ml_ask_close(&contact->ask);
    *contact = (struct ml_contact)ML_CONTACT_NONE;
}

static int read_memory(struct ml_contact *contact, struct memlog_memstats *stats, struct memlog_extra *extra)
{
    int error = ml_image_read(contact->image, &contact->raw);
    if (error != 0)
        return error;
    ml_stats_from_raw(stats, &contact->raw);
    ml_extra_from_raw(extra, &contact->raw);
    ml_system_add_numbers(contact->pid, extra);
    ml_image_add_log_counts(contact->image, extra);
    return 0;
}

/* The first answer is there already, and is new. */
static int read_answer(struct ml_contact *contact, struct memlog_memstats *stats, struct memlog_extra *extra)
{
    int error = contact->has_answer ? 0 : ml_ask_numbers(&contact->ask, &contact->answer);
    contact->has_answer = false;
    if (error != 0)
        return error;
    *stats = contact->answer.stats;
    *extra = contact->answer.extra;
    return 0;
}

int ml_contact_read(struct ml_contact *contact, struct memlog_memstats *stats, struct memlog_extra *extra)
{
    return contact->is_asked ? read_answer(contact, stats, extra) : read_memory(contact, stats, extra);
}
