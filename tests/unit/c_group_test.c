/* SPDX-License-Identifier: MIT */
/* Tests fetch groups through the public C headers alone: a pool of workers counts each request
 * once. */
#include "c_test.h"

enum { WORKERS = 4, SUBMITTERS = 3, REQUESTS = 24, TIMES = 400 };

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

static void prepare_flush(struct ngpoll_request* request)
{
    ngpoll_request_init(request);
    request->cmd.opcode = NGPOLL_OP_FLUSH;
    request->cmd.nsid = 1;
}

static struct drive open_shared(enum ngpoll_role role, const char* path)
{
    struct ngpoll_queue_options requested = ngpoll_queue_defaults();
    requested.depth = 64;
    requested.rings_max = 2;
    requested.role = role;
    return open_drive(path, &requested);
}

static void wrong_arguments_are_refused(void)
{
    struct drive one = open_drive("emu:size=1M", NULL);
    struct ngpoll_group* group = (struct ngpoll_group*)&one; /* a failed call leaves NULL */
    CHECK(ngpoll_group_open(one.queue, 8, &group) == -EINVAL);
    CHECK(group == NULL);
    CHECK(strstr(ngpoll_error(), "rings_max 2") != NULL);
    close_drive(one);

    struct drive drive = open_shared(NGPOLL_ROLE_WAITER, "emu:size=1M");
    CHECK(ngpoll_group_open(NULL, 8, &group) == -EINVAL);
    CHECK(ngpoll_group_open(drive.queue, 8, NULL) == -EINVAL);
    CHECK(ngpoll_group_open(drive.queue, 65, &group) == -EBUSY);
    REQUIRE(ngpoll_group_open(drive.queue, 8, &group) == 0);
    struct ngpoll_fetch* fetch = (struct ngpoll_fetch*)&one;
    CHECK(ngpoll_fetch_open(NULL, 8, -1, &fetch) == -EINVAL);
    CHECK(fetch == NULL);
    CHECK(ngpoll_fetch_open(group, 8, -1, NULL) == -EINVAL);
    CHECK(ngpoll_fetch_open(group, 0, -1, &fetch) == -EINVAL);
    CHECK(strstr(ngpoll_error(), "batch_max 0") != NULL);
    /* The role is waiter, so no thread polls. */
    CHECK(ngpoll_fetch_open(group, 8, STDERR_FILENO, &fetch) == -EINVAL);
    REQUIRE(ngpoll_fetch_open(group, 8, -1, &fetch) == 0);

    struct ngpoll_request* const* finished = NULL;
    struct ngpoll_request request;
    prepare_flush(&request);
    struct ngpoll_request* one_request = &request;
    CHECK(!ngpoll_group_submit(NULL, &request));
    CHECK(!ngpoll_group_submit(group, NULL));
    CHECK(ngpoll_group_submit_all(NULL, &one_request, 1) == 0);
    CHECK(ngpoll_group_submit_all(group, NULL, 1) == 0);
    CHECK(ngpoll_fetch_next(NULL, 0, &finished) == -EINVAL);
    CHECK(ngpoll_fetch_next(fetch, 0, NULL) == -EINVAL);
    CHECK(ngpoll_fetch_next(fetch, 0, &finished) == 0); /* the deadline has passed */
    CHECK(ngpoll_fetch_next(fetch, now_ns() + 1000000, &finished) == 0);
    REQUIRE(ngpoll_group_submit(group, &request));
    CHECK(ngpoll_fetch_next(fetch, UINT64_MAX, &finished) == 1);
    CHECK(finished[0] == &request && ngpoll_ok(request.status));

    ngpoll_group_close(group);
    CHECK(ngpoll_fetch_next(fetch, UINT64_MAX, &finished) == -ESHUTDOWN);
    CHECK(ngpoll_error()[0] != '\0');
    ngpoll_group_close(NULL);
    ngpoll_fetch_close(NULL);
    close_drive(drive);
    /* The fetch outlives its group and its queue. */
    CHECK(ngpoll_fetch_next(fetch, 0, &finished) == -ESHUTDOWN);
    ngpoll_fetch_close(fetch);
}

struct pool;

struct counted {
    struct ngpoll_request request;
    struct pool* pool;
    uint64_t block;
    unsigned submitted, finished; /* whose hands it is in, counts */
    unsigned char data[BLOCK];
};

struct pool {
    struct ngpoll_group* group;
    struct counted* requests;
    pthread_mutex_t mutex;
    pthread_cond_t all_done;
    unsigned left; /* requests that have not finished TIMES times */
};

static void submit(struct counted* each)
{
    memset(each->data, 0xee, 8);
    each->block = (each->block * 5 + 1) % 2048;
    ngpoll_prepare(&each->request, NGPOLL_OP_READ, 1, each->block, 1);
    ngpoll_set_buffer(&each->request,
        (struct ngpoll_buffer){
            .data = each->data, .size_bytes = BLOCK, .fixed_index = NGPOLL_NOT_FIXED});
    each->submitted++;
    REQUIRE(ngpoll_group_submit(each->pool->group, &each->request));
}

/* Runs on the worker that was given the request. */
static void take(struct counted* each)
{
    uint64_t found = 0;
    memcpy(&found, each->data, sizeof found);
    CHECK(ngpoll_ok(each->request.status));
    CHECK(found == each->block);
    each->finished++;
    CHECK(each->finished == each->submitted);
    if (each->finished < TIMES) {
        submit(each);
        return;
    }
    struct pool* pool = each->pool;
    pthread_mutex_lock(&pool->mutex);
    if (--pool->left == 0)
        pthread_cond_signal(&pool->all_done);
    pthread_mutex_unlock(&pool->mutex);
}

static void* works(void* argument)
{
    struct pool* pool = argument;
    struct ngpoll_fetch* fetch = NULL;
    REQUIRE(ngpoll_fetch_open(pool->group, 8, -1, &fetch) == 0);
    for (;;) {
        struct ngpoll_request* const* finished = NULL;
        const int count = ngpoll_fetch_next(fetch, UINT64_MAX, &finished);
        if (count == -ESHUTDOWN)
            break;
        REQUIRE(count >= 1 && count <= 8);
        for (int i = 0; i < count; i++)
            take(finished[i]->context);
    }
    ngpoll_fetch_close(fetch);
    return NULL;
}

struct part {
    struct pool* pool;
    unsigned first;
};

static void* submits(void* argument)
{
    struct part* part = argument;
    for (unsigned i = part->first; i < REQUESTS; i += SUBMITTERS)
        submit(&part->pool->requests[i]);
    return NULL;
}

/* Writes its own number to each block. */
static void number_blocks(struct drive drive)
{
    static unsigned char block[BLOCK];
    struct ngpoll_ring* ring = NULL;
    REQUIRE(ngpoll_ring_open(drive.queue, NULL, &ring) == 0);
    for (uint64_t i = 0; i < 2048; i++) {
        memcpy(block, &i, sizeof i);
        struct ngpoll_request r;
        ngpoll_request_init(&r);
        ngpoll_prepare(&r, NGPOLL_OP_WRITE, 1, i, 1);
        ngpoll_set_buffer(&r,
            (struct ngpoll_buffer){
                .data = block, .size_bytes = BLOCK, .fixed_index = NGPOLL_NOT_FIXED});
        REQUIRE(ngpoll_submit(ring, &r));
        REQUIRE(ngpoll_wait(ring, 1) == 1 && ngpoll_ok(r.status));
    }
    ngpoll_ring_close(ring);
}

static void a_pool_counts_each_request_once(enum ngpoll_role role, const char* path)
{
    struct drive drive = open_shared(role, path);
    number_blocks(drive);
    struct pool pool = {.left = REQUESTS};
    pthread_mutex_init(&pool.mutex, NULL);
    pthread_cond_init(&pool.all_done, NULL);
    REQUIRE(ngpoll_group_open(drive.queue, REQUESTS, &pool.group) == 0);
    pool.requests = aligned_alloc(64, sizeof *pool.requests * REQUESTS);
    REQUIRE(pool.requests != NULL);
    memset(pool.requests, 0, sizeof *pool.requests * REQUESTS);
    for (unsigned i = 0; i < REQUESTS; i++) {
        struct counted* each = &pool.requests[i];
        ngpoll_request_init(&each->request);
        each->request.context = each;
        each->pool = &pool;
        each->block = i * 31;
    }
    pthread_t workers[WORKERS], submitters[SUBMITTERS];
    struct part parts[SUBMITTERS];
    for (unsigned i = 0; i < WORKERS; i++)
        REQUIRE(pthread_create(&workers[i], NULL, works, &pool) == 0);
    for (unsigned i = 0; i < SUBMITTERS; i++) {
        parts[i] = (struct part){.pool = &pool, .first = i};
        REQUIRE(pthread_create(&submitters[i], NULL, submits, &parts[i]) == 0);
    }
    pthread_mutex_lock(&pool.mutex);
    while (pool.left != 0)
        pthread_cond_wait(&pool.all_done, &pool.mutex);
    pthread_mutex_unlock(&pool.mutex);
    for (unsigned i = 0; i < SUBMITTERS; i++)
        pthread_join(submitters[i], NULL);
    ngpoll_group_close(pool.group);
    for (unsigned i = 0; i < WORKERS; i++)
        pthread_join(workers[i], NULL);
    for (unsigned i = 0; i < REQUESTS; i++)
        CHECK(pool.requests[i].finished == TIMES && pool.requests[i].submitted == TIMES);
    free(pool.requests);
    pthread_cond_destroy(&pool.all_done);
    pthread_mutex_destroy(&pool.mutex);
    close_drive(drive);
}

static void a_close_without_workers_returns_all_requests(void)
{
    struct drive drive = open_shared(NGPOLL_ROLE_WAITER, "emu:size=1M");
    struct ngpoll_group* group = NULL;
    REQUIRE(ngpoll_group_open(drive.queue, DEPTH, &group) == 0);
    struct ngpoll_request requests[DEPTH + 1];
    struct ngpoll_request* all[DEPTH + 1];
    for (unsigned i = 0; i <= DEPTH; i++) {
        prepare_flush(&requests[i]);
        all[i] = &requests[i];
    }
    CHECK(ngpoll_group_submit_all(group, all, DEPTH + 1) == DEPTH);
    CHECK(!ngpoll_group_submit(group, all[DEPTH]));
    ngpoll_group_close(group);
    struct ngpoll_ring* ring = NULL;
    struct ngpoll_ring_options requested = ngpoll_ring_defaults();
    requested.depth = DEPTH + 1;
    REQUIRE(ngpoll_ring_open(drive.queue, &requested, &ring) == 0);
    /* The requests belong to the caller again, so a ring takes them. */
    CHECK(ngpoll_submit_and_wait(ring, all, DEPTH + 1, DEPTH + 1) == DEPTH + 1);
    for (unsigned i = 0; i <= DEPTH; i++)
        CHECK(ngpoll_ok(requests[i].status));
    ngpoll_ring_close(ring);
    close_drive(drive);
}

int main(void)
{
    alarm(120); /* the deadline of every wait */
    wrong_arguments_are_refused();
    a_pool_counts_each_request_once(NGPOLL_ROLE_WAITER, "emu:size=1M");
    a_pool_counts_each_request_once(NGPOLL_ROLE_RESIDENT, "emu:size=1M");
    a_pool_counts_each_request_once(NGPOLL_ROLE_WAITER, "emu:size=1M,latency=20us");
    a_close_without_workers_returns_all_requests();
    if (failures == 0)
        puts("C interface of fetch groups: all passed");
    return failures != 0;
}
