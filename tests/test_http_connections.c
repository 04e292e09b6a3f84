/* SPDX-License-Identifier: MIT */
/* test_http_connections.c - who has to go when, with real sockets. */
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http/connections.h"
#include "os/clock.h"
#include "unit.h"

static const uint64_t SECOND = ML_NS_PER_SECOND;

static struct ml_connections server;
static int far_ends[ML_CONNECTIONS_MOST];
static struct ml_connection *places[ML_CONNECTIONS_MOST];

static struct ml_connection *connect_one(unsigned i, uint64_t now)
{
    int ends[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    far_ends[i] = ends[0];
    places[i] = ml_connections_add(&server, ends[1], now);
    ck_assert_ptr_nonnull(places[i]);
    return places[i];
}

/* The other side sees an end. */
static bool was_shut(unsigned i)
{
    char byte;
    return recv(far_ends[i], &byte, 1, 0) == 0;
}

static unsigned shut_count(unsigned of)
{
    unsigned count = 0;
    for (unsigned i = 0; i < of; i++)
        count += was_shut(i);
    return count;
}

START_TEST(a_request_has_to_be_there_in_time)
{
    ml_connections_init(&server);
    connect_one(0, 0);
    ml_connections_check(&server, 9 * SECOND);
    ck_assert(!was_shut(0));
    ml_connections_check(&server, 11 * SECOND);
    ck_assert(was_shut(0));
    ml_connections_remove(&server, places[0]);
    ck_assert_uint_eq(server.count, 0);
    ck_assert_uint_eq(server.leaving, 0);
}
END_TEST

/* A delta profile takes its seconds; the answer to somebody slow takes its own. */
START_TEST(who_is_served_is_not_hurried)
{
    ml_connections_init(&server);
    ml_connection_works(connect_one(0, 0), 0);
    ml_connections_check(&server, 3600 * SECOND);
    ck_assert(!was_shut(0));
    ml_connection_answers(places[0], 3600 * SECOND);
    ml_connections_check(&server, 3700 * SECOND);
    ck_assert(!was_shut(0));
    ml_connections_check(&server, 3721 * SECOND);
    ck_assert(was_shut(0));
}
END_TEST

START_TEST(after_an_answer_the_time_begins_anew)
{
    ml_connections_init(&server);
    connect_one(0, 0);
    ml_connection_works(places[0], 9 * SECOND);
    ml_connection_answers(places[0], 9 * SECOND);
    ml_connection_waits(places[0], 10 * SECOND);
    ml_connections_check(&server, 19 * SECOND);
    ck_assert(!was_shut(0));
    ml_connections_check(&server, 21 * SECOND);
    ck_assert(was_shut(0));
}
END_TEST

START_TEST(where_places_are_few_the_longest_waiting_go)
{
    enum { BUSY = 10 };
    ml_connections_init(&server);
    for (unsigned i = 0; i < ML_CONNECTIONS_MOST; i++) {
        connect_one(i, i);
        if (i < BUSY)
            ml_connection_works(places[i], i);
    }
    ck_assert_ptr_null(ml_connections_add(&server, 0, 0));
    ml_connections_check(&server, ML_CONNECTIONS_MOST);
    for (unsigned i = 0; i < ML_CONNECTIONS_MOST; i++)
        ck_assert_msg(was_shut(i) == (i >= BUSY && i < BUSY + ML_CONNECTIONS_SPARE), "connection %u", i);
    /* Until the library has seen it nobody else has to go for them. */
    ml_connections_check(&server, ML_CONNECTIONS_MOST);
    ck_assert_uint_eq(shut_count(ML_CONNECTIONS_MOST), ML_CONNECTIONS_SPARE);
    for (unsigned i = BUSY; i < BUSY + ML_CONNECTIONS_SPARE; i++)
        ml_connections_remove(&server, places[i]);
    ck_assert_ptr_nonnull(ml_connections_add(&server, dup(0), 0));
}
END_TEST

START_TEST(a_forked_child_leaves_the_connections_to_its_parent)
{
    ml_connections_init(&server);
    struct ml_connection *place = connect_one(0, 0);
    int fd = place->fd;
    ml_connections_abandon(&server);
    ck_assert_uint_eq(server.count, 0);
    ck_assert_int_eq(send(fd, "x", 1, MSG_NOSIGNAL), -1);
    ck_assert_int_eq(errno, EBADF);
}
END_TEST

UNIT_MAIN("http connections", a_request_has_to_be_there_in_time, who_is_served_is_not_hurried,
          after_an_answer_the_time_begins_anew, where_places_are_few_the_longest_waiting_go,
          a_forked_child_leaves_the_connections_to_its_parent)
