/* SPDX-License-Identifier: MIT */
#ifndef NGPOLL_C_TEST_H
#define NGPOLL_C_TEST_H

/* Shared by the tests of the C interface. */
#include <ngpoll/ngpoll.h>

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static unsigned failures;

static void check(bool holds, const char* what, int line)
{
    if (holds)
        return;
    fprintf(stderr, "line %d: FAILED: %s (last error: \"%s\")\n", line, what, ngpoll_error());
    failures++;
}
#define CHECK(holds) check((holds), #holds, __LINE__)
/* Ends the program where `holds` is false, because the test cannot go on. */
#define REQUIRE(holds)                                                                             \
    do {                                                                                           \
        if (!(holds)) {                                                                            \
            check(false, #holds, __LINE__);                                                        \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

enum { BLOCK = 512, DEPTH = 16 };

struct drive {
    struct ngpoll_namespace* ns;
    struct ngpoll_queue* queue;
};

static struct drive open_drive(const char* path, const struct ngpoll_queue_options* requested)
{
    struct drive made;
    REQUIRE(ngpoll_namespace_open(path, true, &made.ns) == 0);
    REQUIRE(ngpoll_queue_open(made.ns, requested, &made.queue) == 0);
    return made;
}

static void close_drive(struct drive drive)
{
    ngpoll_queue_close(drive.queue);
    ngpoll_namespace_close(drive.ns);
}

#endif
