/* SPDX-License-Identifier: MIT */
/* Tests the mistakes that a C program can make; the table in engine/docs/misuse.md lists them. */
#include "c_test.h"

/* A call that can return an error refuses NULL. */
static void null_arguments_are_refused(void)
{
    struct drive drive = open_drive("emu:size=1M", NULL);
    struct ngpoll_ring* ring = NULL;
    REQUIRE(ngpoll_ring_open(drive.queue, NULL, &ring) == 0);
    struct ngpoll_request r;
    struct ngpoll_request* all[] = {&r};
    struct ngpoll_buffers* buffers = (struct ngpoll_buffers*)&r;
    struct ngpoll_namespace* ns = (struct ngpoll_namespace*)&r;
    static char memory[BLOCK];
    CHECK(ngpoll_namespace_open(NULL, false, &ns) == -EINVAL && ns == NULL);
    CHECK(ngpoll_namespace_open("emu:", false, NULL) == -EINVAL);
    struct ngpoll_queue* queue = drive.queue;
    CHECK(ngpoll_queue_open(NULL, NULL, &queue) == -EINVAL && queue == NULL);
    CHECK(strstr(ngpoll_error(), "namespace is NULL") != NULL);
    CHECK(ngpoll_queue_open(drive.ns, NULL, NULL) == -EINVAL);
    CHECK(ngpoll_buffers_open(NULL, 1, BLOCK, &buffers) == -EINVAL && buffers == NULL);
    CHECK(ngpoll_buffers_adopt(NULL, memory, 1, BLOCK, &buffers) == -EINVAL);
    CHECK(ngpoll_buffers_adopt(NULL, NULL, 1, BLOCK, &buffers) == -EINVAL);
    CHECK(ngpoll_ring_open(NULL, NULL, NULL) == -EINVAL);
    ngpoll_request_init(&r);
    CHECK(!ngpoll_submit(NULL, &r));
    CHECK(!ngpoll_submit(ring, NULL));
    CHECK(ngpoll_submit_all(NULL, all, 1) == 0);
    CHECK(ngpoll_submit_all(ring, NULL, 1) == 0);
    CHECK(!ngpoll_arm_event(NULL, 1));
    CHECK(ngpoll_outstanding(ring) == 0);
#ifdef NDEBUG /* a debug build stops the program for these */
    static struct ngpoll_request zero;
    CHECK(!ngpoll_submit(ring, &zero));
    CHECK(ngpoll_submit(ring, &r));
    CHECK(!ngpoll_submit(ring, &r));
    CHECK(ngpoll_wait(ring, 2) == 1);
#endif
    ngpoll_ring_close(ring);
    close_drive(drive);
}

/* The other mistakes stop the program. Each runs in its own child, before the parent opens
 * anything. */
static void a_null_ring_is_polled(void) { ngpoll_poll(NULL); }
static void a_null_ring_is_waited_for(void) { ngpoll_wait(NULL, 1); }
static void a_null_ring_is_flushed(void) { ngpoll_flush(NULL); }
static void a_null_ring_is_counted(void) { (void)ngpoll_outstanding(NULL); }
static void a_null_queue_is_asked(void) { (void)ngpoll_queue_mode(NULL); }
static void a_null_request_is_initialised(void) { ngpoll_request_init(NULL); }

static void too_many_blocks(void)
{
    struct ngpoll_request r;
    ngpoll_request_init(&r);
    ngpoll_prepare(&r, NGPOLL_OP_READ, 1, 0, 65537);
}

static void a_ring_is_closed_twice(void)
{
    struct drive drive = open_drive("emu:size=1M", NULL);
    struct ngpoll_ring* ring = NULL;
    REQUIRE(ngpoll_ring_open(drive.queue, NULL, &ring) == 0);
    ngpoll_ring_close(ring);
    ngpoll_ring_close(ring);
}

static void a_queue_is_closed_twice(void)
{
    struct drive drive = open_drive("emu:size=1M", NULL);
    ngpoll_queue_close(drive.queue);
    ngpoll_queue_close(drive.queue);
}

static void a_namespace_is_closed_twice(void)
{
    struct drive drive = open_drive("emu:size=1M", NULL);
    close_drive(drive);
    ngpoll_namespace_close(drive.ns);
}

static void a_ring_is_closed_as_a_queue(void)
{
    struct drive drive = open_drive("emu:size=1M", NULL);
    struct ngpoll_ring* ring = NULL;
    REQUIRE(ngpoll_ring_open(drive.queue, NULL, &ring) == 0);
    ngpoll_queue_close((struct ngpoll_queue*)ring);
}

static void a_null_request_gets_a_buffer(void)
{
    ngpoll_set_buffer(NULL, (struct ngpoll_buffer){.data = NULL});
}
static void null_buffers_are_asked(void) { (void)ngpoll_buffers_at(NULL, 0); }

static void a_queue_is_closed_before_its_buffers(void)
{
    struct drive drive = open_drive("emu:size=1M", NULL);
    struct ngpoll_buffers* buffers = NULL;
    REQUIRE(ngpoll_buffers_open(drive.queue, 1, BLOCK, &buffers) == 0);
    ngpoll_queue_close(drive.queue);
    ngpoll_buffers_close(buffers);
}

static void a_queue_is_closed_before_its_rings(void)
{
    struct drive drive = open_drive("emu:size=1M", NULL);
    struct ngpoll_ring* ring = NULL;
    REQUIRE(ngpoll_ring_open(drive.queue, NULL, &ring) == 0);
    ngpoll_queue_close(drive.queue);
}

static void misuse_stops_the_program(void (*misuse)(void), const char* words)
{
    int ends[2];
    REQUIRE(pipe(ends) == 0);
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        dup2(ends[1], 2);
        misuse();
        _exit(0);
    }
    close(ends[1]);
    static char said[4096];
    size_t length = 0;
    for (ssize_t got; (got = read(ends[0], said + length, sizeof said - 1 - length)) > 0;)
        length += (size_t)got;
    said[length] = '\0';
    close(ends[0]);
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    /* A sanitizer may find the read of a closed handle first; it ends the child, too. */
    if (!(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT && strstr(said, words))
        && !strstr(said, "AddressSanitizer")) {
        fprintf(stderr, "FAILED: expected '%s', but the child said: %s\n", words, said);
        failures++;
    }
}

static void other_misuse_stops_the_program(void)
{
    misuse_stops_the_program(a_null_ring_is_polled, "the ring is NULL");
    misuse_stops_the_program(a_null_ring_is_waited_for, "the ring is NULL");
    misuse_stops_the_program(a_null_ring_is_flushed, "the ring is NULL");
    misuse_stops_the_program(a_null_ring_is_counted, "the ring is NULL");
    misuse_stops_the_program(a_null_queue_is_asked, "the queue is NULL");
    misuse_stops_the_program(a_null_request_is_initialised, "the request is NULL");
    misuse_stops_the_program(too_many_blocks, "1 to 65,536 blocks");
    misuse_stops_the_program(a_ring_is_closed_twice, "the ring is closed already");
    misuse_stops_the_program(a_queue_is_closed_twice, "the queue is closed already");
    misuse_stops_the_program(a_namespace_is_closed_twice, "the namespace is closed already");
    misuse_stops_the_program(a_ring_is_closed_as_a_queue, "or is no queue");
    misuse_stops_the_program(a_null_request_gets_a_buffer, "the request is NULL");
    misuse_stops_the_program(null_buffers_are_asked, "the buffers are NULL");
    misuse_stops_the_program(a_queue_is_closed_before_its_buffers, "after its poll_queue");
    misuse_stops_the_program(a_queue_is_closed_before_its_rings, "close every ring");
}

int main(void)
{
    alarm(120); /* the deadline of every wait */
    other_misuse_stops_the_program(); /* the parent has opened nothing yet */
    null_arguments_are_refused();
    if (failures == 0)
        puts("C interface, misuse: all passed");
    return failures != 0;
}
