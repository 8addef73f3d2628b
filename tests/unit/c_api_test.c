/* SPDX-License-Identifier: MIT */
/* Tests the C interface from C. The C++ tests check what the engine does with each call. */
#include "c_test.h"

static void the_library_is_of_the_version_of_its_headers(void)
{
    char numbers[64];
    snprintf(numbers, sizeof(numbers), "%d.%d.%d", NGPOLL_VERSION_MAJOR, NGPOLL_VERSION_MINOR,
        NGPOLL_VERSION_PATCH);
    CHECK(strcmp(numbers, NGPOLL_VERSION) == 0);
    CHECK(strcmp(ngpoll_version(), NGPOLL_VERSION) == 0);
}

static void errors_are_numbers_with_a_text(void)
{
    struct ngpoll_namespace* ns = NULL;
    CHECK(ngpoll_namespace_open("/dev/no-such-drive", false, &ns) == -ENOENT);
    CHECK(strstr(ngpoll_error(), "/dev/no-such-drive") != NULL);
    CHECK(ns == NULL);
    CHECK(ngpoll_namespace_open("emu:size=many", false, &ns) == -EINVAL);
    CHECK(strstr(ngpoll_error(), "size=many") != NULL);
    CHECK(strstr(ngpoll_error(), "Invalid argument") == NULL);

    REQUIRE(ngpoll_namespace_open("emu:size=1M", false, &ns) == 0);
    struct ngpoll_queue* queue = NULL;
    struct ngpoll_queue_options requested = ngpoll_queue_defaults();
    requested.depth = 40000;
    queue = (struct ngpoll_queue*)&requested; /* a failed call leaves NULL */
    CHECK(ngpoll_queue_open(ns, &requested, &queue) == -EINVAL);
    CHECK(queue == NULL);
    requested = ngpoll_queue_defaults();
    CHECK(requested.depth == 0 && requested.hardware_queue == 0);
    requested.hardware_queue = 3;
    CHECK(ngpoll_queue_open(ns, &requested, &queue) == -EINVAL);
    CHECK(strstr(ngpoll_error(), "hardware_queue 3") != NULL);
    requested = ngpoll_queue_defaults();
    requested.mode = 7;
    CHECK(ngpoll_queue_open(ns, &requested, &queue) == -EINVAL);
    CHECK(strstr(ngpoll_error(), "mode 7") != NULL);
    requested = ngpoll_queue_defaults();
    requested.role = 9;
    CHECK(ngpoll_queue_open(ns, &requested, &queue) == -EINVAL);
    CHECK(queue == NULL);

    REQUIRE(ngpoll_queue_open(ns, NULL, &queue) == 0);
    struct ngpoll_buffers* buffers = NULL;
    CHECK(ngpoll_buffers_open(queue, 0, BLOCK, &buffers) == -EINVAL);
    struct ngpoll_ring* first = NULL;
    struct ngpoll_ring* second = NULL;
    REQUIRE(ngpoll_ring_open(queue, NULL, &first) == 0);
    CHECK(ngpoll_queue_depth(queue) == 128);
    CHECK(ngpoll_ring_depth(first) == 128);
    second = first;
    CHECK(ngpoll_ring_open(queue, NULL, &second) == -EBUSY);
    CHECK(second == NULL);
    ngpoll_ring_close(first);
    ngpoll_queue_close(queue);
    ngpoll_namespace_close(ns);

    ngpoll_ring_close(NULL);
    ngpoll_buffers_close(NULL);
    ngpoll_queue_close(NULL);
    ngpoll_namespace_close(NULL);
}

static void a_namespace_reports_its_properties(void)
{
    struct drive drive = open_drive("emu:size=1M,lba=4096", NULL);
    struct ngpoll_namespace_info info;
    ngpoll_namespace_get_info(drive.ns, &info);
    CHECK(strcmp(info.path, "emu:size=1M,lba=4096") == 0);
    CHECK(info.emulated);
    CHECK(info.lba_bytes == 4096 && info.block_bytes == 4096 && info.metadata_bytes == 0);
    CHECK(info.capacity_blocks == 256);
    CHECK(info.nsid == 1);
    CHECK(info.model[0] != '\0');
    CHECK(ngpoll_queue_mode(drive.queue) == NGPOLL_POLLED);
    CHECK(ngpoll_queue_role(drive.queue) == NGPOLL_ROLE_WAITER);
    close_drive(drive);
}

static void transfer(
    struct ngpoll_ring* ring, uint8_t opcode, uint64_t slba, struct ngpoll_buffer buffer)
{
    struct ngpoll_request r;
    ngpoll_request_init(&r);
    ngpoll_prepare(&r, opcode, 1, slba, 1);
    ngpoll_set_buffer(&r, buffer);
    REQUIRE(ngpoll_submit(ring, &r));
    CHECK(ngpoll_outstanding(ring) == 1);
    CHECK(ngpoll_wait(ring, 1) == 1);
    CHECK(ngpoll_ok(r.status));
    CHECK(ngpoll_outstanding(ring) == 0);
}

static void written_data_is_read_back(bool adopted)
{
    struct drive drive = open_drive("emu:size=1M", NULL);
    struct ngpoll_buffers* buffers = NULL;
    static unsigned char own[2 * BLOCK] __attribute__((aligned(BLOCK)));
    if (adopted)
        REQUIRE(ngpoll_buffers_adopt(drive.queue, own, 2, BLOCK, &buffers) == 0);
    else
        REQUIRE(ngpoll_buffers_open(drive.queue, 2, BLOCK, &buffers) == 0);
    struct ngpoll_ring* ring = NULL;
    REQUIRE(ngpoll_ring_open(drive.queue, NULL, &ring) == 0);
    struct ngpoll_buffer from = ngpoll_buffers_at(buffers, 0);
    struct ngpoll_buffer to = ngpoll_buffers_at(buffers, 1);
    CHECK(!adopted || (from.data == own && to.data == own + BLOCK));
    for (unsigned i = 0; i < BLOCK; i++)
        ((unsigned char*)from.data)[i] = (unsigned char)(i * 7 + 3);
    memset(to.data, 0xff, BLOCK);
    transfer(ring, NGPOLL_OP_WRITE, 5, from);
    transfer(ring, NGPOLL_OP_READ, 5, to);
    CHECK(memcmp(from.data, to.data, BLOCK) == 0);
    transfer(ring, NGPOLL_OP_READ, 6, to);
    CHECK(((unsigned char*)to.data)[0] == 0);
    ngpoll_ring_close(ring);
    ngpoll_buffers_close(buffers);
    close_drive(drive);
}

static void drive_errors_and_system_errors_are_told_apart(void)
{
    struct drive drive = open_drive("emu:size=1M", NULL);
    struct ngpoll_ring* ring = NULL;
    REQUIRE(ngpoll_ring_open(drive.queue, NULL, &ring) == 0);
    static unsigned char data[BLOCK];
    struct ngpoll_request r;
    ngpoll_request_init(&r);
    ngpoll_prepare(&r, NGPOLL_OP_READ, 1, 1 << 20, 1); /* past the end */
    ngpoll_set_buffer(&r,
        (struct ngpoll_buffer){.data = data, .size_bytes = BLOCK, .fixed_index = NGPOLL_NOT_FIXED});
    REQUIRE(ngpoll_submit(ring, &r));
    CHECK(ngpoll_wait(ring, 1) == 1);
    CHECK(r.status.errno_value == 0 && (r.status.nvme_status & 0x7ff) == 0x80);
    char text[200];
    const size_t length = ngpoll_status_text(r.status, text, sizeof text);
    CHECK(length == strlen(text) && strstr(text, "0x") != NULL);
    char cut[5];
    CHECK(ngpoll_status_text(r.status, cut, sizeof cut) == length);
    CHECK(strlen(cut) == 4 && strncmp(cut, text, 4) == 0);
    CHECK(ngpoll_status_text(r.status, NULL, 0) == length);
    ngpoll_ring_close(ring);
    close_drive(drive);
}

struct counted {
    struct ngpoll_request request;
    struct ngpoll_ring* ring;
    unsigned left;
    unsigned finished;
    pthread_t finished_on;
};

static void again(struct ngpoll_request* request)
{
    struct counted* self = request->context;
    self->finished++;
    self->finished_on = pthread_self();
    if (self->left == 0)
        return;
    self->left--;
    CHECK(ngpoll_submit(self->ring, request));
}

static void prepare(struct counted* requests, struct ngpoll_ring* ring, unsigned left)
{
    for (unsigned i = 0; i < DEPTH; i++) {
        struct counted* each = &requests[i];
        memset(each, 0, sizeof *each);
        ngpoll_request_init(&each->request);
        each->request.cmd.opcode = NGPOLL_OP_FLUSH;
        each->request.cmd.nsid = 1;
        each->request.on_complete = again;
        each->request.context = each;
        each->ring = ring;
        each->left = left;
        REQUIRE(ngpoll_submit(ring, &each->request));
    }
}

static void callbacks_may_submit_again(void)
{
    struct drive drive = open_drive("emu:size=1M", NULL);
    struct ngpoll_ring* ring = NULL;
    struct ngpoll_ring_options requested = ngpoll_ring_defaults();
    requested.depth = DEPTH;
    requested.event_fd = eventfd(0, 0);
    /* No thread polls for the ring. */
    CHECK(ngpoll_ring_open(drive.queue, &requested, &ring) == -EINVAL);
    requested.event_fd = -1;
    REQUIRE(ngpoll_ring_open(drive.queue, &requested, &ring) == 0);
    static struct counted requests[DEPTH];
    prepare(requests, ring, 9);
    struct ngpoll_request one_more;
    ngpoll_request_init(&one_more);
    CHECK(!ngpoll_submit(ring, &one_more)); /* the depth is full */
    while (ngpoll_outstanding(ring) != 0)
        ngpoll_wait(ring, 1);
    for (unsigned i = 0; i < DEPTH; i++)
        CHECK(requests[i].finished == 10);
    ngpoll_ring_close(ring);
    close_drive(drive);
}

static void an_event_reports_finished_requests(void)
{
    struct ngpoll_queue_options with = ngpoll_queue_defaults();
    with.role = NGPOLL_ROLE_RESIDENT;
    struct drive drive = open_drive("emu:size=1M,latency=2ms", &with);
    struct ngpoll_ring* ring = NULL;
    struct ngpoll_ring_options requested = ngpoll_ring_defaults();
    requested.depth = DEPTH;
    requested.event_fd = eventfd(0, 0);
    REQUIRE(ngpoll_ring_open(drive.queue, &requested, &ring) == 0);
    CHECK(ngpoll_arm_event(ring, 1)); /* nothing is outstanding, so no completion will come */
    static struct counted requests[DEPTH];
    prepare(requests, ring, 0);
    if (ngpoll_arm_event(ring, DEPTH)) {
        eventfd_t count = 0;
        /* Sleeps until the engine writes to the eventfd. */
        CHECK(eventfd_read(requested.event_fd, &count) == 0);
    }
    while (ngpoll_outstanding(ring) != 0)
        ngpoll_poll(ring);
    for (unsigned i = 0; i < DEPTH; i++)
        CHECK(requests[i].finished == 1);
    ngpoll_ring_close(ring);
    close(requested.event_fd);
    close_drive(drive);
}

static void a_queue_describes_itself(void)
{
    struct ngpoll_queue_options with = ngpoll_queue_defaults();
    with.rings_max = 2;
    with.role = NGPOLL_ROLE_WAITER;
    struct drive drive = open_drive("emu:size=1M", &with);
    char text[512] = "";
    const size_t all = ngpoll_queue_describe(drive.queue, text, sizeof text);
    CHECK(all == strlen(text));
    CHECK(strstr(text, "role: free") == text);
    CHECK(strstr(text, "ring 2: handed over and not finished: 0; awake") != NULL);
    char start[6] = "xxxxx";
    CHECK(ngpoll_queue_describe(drive.queue, start, sizeof start) == all);
    CHECK(strcmp(start, "role:") == 0);
    close_drive(drive);
}

static void arrays_are_submitted_whole(void)
{
    struct drive drive = open_drive("emu:size=1M", NULL);
    struct ngpoll_ring* ring = NULL;
    struct ngpoll_ring_options requested = ngpoll_ring_defaults();
    requested.depth = DEPTH;
    REQUIRE(ngpoll_ring_open(drive.queue, &requested, &ring) == 0);
    static struct ngpoll_request requests[DEPTH + 1];
    struct ngpoll_request* all[DEPTH + 1];
    for (unsigned i = 0; i <= DEPTH; i++) {
        ngpoll_request_init(&requests[i]);
        requests[i].cmd.opcode = NGPOLL_OP_FLUSH;
        requests[i].cmd.nsid = 1;
        all[i] = &requests[i];
    }
    CHECK(ngpoll_submit_and_wait(ring, all, DEPTH, DEPTH) == DEPTH);
    /* The ring has room for DEPTH requests. */
    CHECK(ngpoll_submit_all(ring, all, DEPTH + 1) == DEPTH);
    CHECK(ngpoll_outstanding(ring) == DEPTH);
    CHECK(ngpoll_wait(ring, DEPTH) == DEPTH);
    CHECK(ngpoll_submit_and_wait(ring, all, 1, 0) == 0); /* n = 0: sends without a wait */
    CHECK(ngpoll_wait(ring, 1) == 1);
    ngpoll_ring_close(ring);
    close_drive(drive);
}

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

static void a_wait_ends_by_its_deadline_and_a_close_drains(void)
{
    struct drive drive = open_drive("emu:size=1M,latency=200ms", NULL);
    struct ngpoll_ring* ring = NULL;
    REQUIRE(ngpoll_ring_open(drive.queue, NULL, &ring) == 0);
    static struct counted requests[DEPTH];
    prepare(requests, ring, 0);
    CHECK(ngpoll_wait_until(ring, 1, now_ns() + 1000000) == 0);
    CHECK(ngpoll_poll(ring) == 0);
    ngpoll_flush(ring);
    CHECK(ngpoll_outstanding(ring) == DEPTH);
    CHECK(ngpoll_wait_until(ring, 1, UINT64_MAX) >= 1);
    ngpoll_ring_close(ring);
    for (unsigned i = 0; i < DEPTH; i++)
        CHECK(requests[i].finished == 1 && ngpoll_ok(requests[i].request.status));
    close_drive(drive);
}

static void* works(void* argument)
{
    struct ngpoll_queue* queue = argument;
    struct ngpoll_ring* ring = NULL;
    struct ngpoll_ring_options requested = ngpoll_ring_defaults();
    requested.depth = DEPTH;
    REQUIRE(ngpoll_ring_open(queue, &requested, &ring) == 0);
    struct counted* requests = aligned_alloc(64, sizeof *requests * DEPTH);
    REQUIRE(requests != NULL);
    prepare(requests, ring, 200);
    while (ngpoll_outstanding(ring) != 0)
        ngpoll_wait(ring, 4);
    for (unsigned i = 0; i < DEPTH; i++) {
        CHECK(requests[i].finished == 201);
        CHECK(pthread_equal(requests[i].finished_on, pthread_self()));
    }
    ngpoll_ring_close(ring);
    free(requests);
    return NULL;
}

static void threads_share_a_queue(enum ngpoll_role role)
{
    enum { THREADS = 3 };
    struct ngpoll_queue_options requested = ngpoll_queue_defaults();
    requested.depth = THREADS * DEPTH;
    requested.rings_max = THREADS;
    requested.role = role;
    struct drive drive = open_drive("emu:size=1M,latency=20us", &requested);
    CHECK(ngpoll_queue_role(drive.queue) == role);
    pthread_t threads[THREADS];
    for (unsigned i = 0; i < THREADS; i++)
        REQUIRE(pthread_create(&threads[i], NULL, works, drive.queue) == 0);
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    close_drive(drive);
}

int main(void)
{
    alarm(120); /* the deadline of every wait */
    the_library_is_of_the_version_of_its_headers();
    errors_are_numbers_with_a_text();
    a_namespace_reports_its_properties();
    written_data_is_read_back(false);
    written_data_is_read_back(true);
    drive_errors_and_system_errors_are_told_apart();
    callbacks_may_submit_again();
    an_event_reports_finished_requests();
    a_queue_describes_itself();
    arrays_are_submitted_whole();
    a_wait_ends_by_its_deadline_and_a_close_drains();
    threads_share_a_queue(NGPOLL_ROLE_WAITER);
    threads_share_a_queue(NGPOLL_ROLE_RESIDENT);
    if (failures == 0)
        puts("C interface: all passed");
    return failures != 0;
}
