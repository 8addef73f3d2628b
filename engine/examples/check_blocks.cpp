// SPDX-License-Identifier: MIT
// A pool of threads adds up the CRCs of all blocks: ngpoll_check_blocks [/dev/ng0n1 [THREADS]]
#include <atomic>
#include <cstdio>
#include <exception>
#include <latch>
#include <thread>
#include <vector>

#include <ngpoll/fetch_group.hpp>
#include <ngpoll/ngpoll.hpp>
#include <zlib.h>

int main(int argc, char** argv)
try {
    const auto drive = ngpoll::nvme_namespace::open(argc > 1 ? argv[1] : "emu:size=64M");
    const int threads = argc > 2 ? std::stoi(argv[2]) : 4;
    const std::uint64_t blocks = drive.info().capacity_blocks;
    const std::uint32_t bytes = drive.info().block_bytes(), depth = 64;
    ngpoll::poll_queue queue(drive, {.depth = depth, .rings_max = 2});
    ngpoll::buffer_pool buffers(queue, {.count = depth, .buffer_bytes = bytes});
    std::vector<ngpoll::request> reads(depth); // outlive the group
    ngpoll::fetch_group group(queue, {.depth = depth});
    std::atomic<std::uint64_t> next = 0, done = 0, sum = 0, failed = 0;
    const auto read_next = [&](ngpoll::request& r) {
        r.cmd.slba = next++;
        if (r.cmd.slba < blocks && !group.submit(r))
            std::terminate(); // never full: there are no more requests than the group is deep
    };
    std::latch posted(threads + 1);
    std::vector<std::jthread> pool;
    for (int i = 0; i < threads; ++i)
        pool.emplace_back([&] {
            ngpoll::fetch mine(group);
            posted.arrive_and_wait();
            for (auto batch = mine.next(); !batch.empty(); batch = mine.next()) {
                for (ngpoll::request* r : batch) {
                    failed += r->status.ok() ? 0 : 1;
                    const auto* const data = reinterpret_cast<const Bytef*>(r->cmd.data);
                    sum += crc32(0, data, bytes) * (2 * r->cmd.slba + 1); // its place counts, too
                    read_next(*r);
                }
                if ((done += batch.size()) == blocks)
                    group.close(); // ends next() for all
            }
        });
    posted.arrive_and_wait();
    for (std::uint32_t i = 0; i < depth; ++i) {
        reads[i].cmd = ngpoll::read_command(drive.info().nsid, 0, 1);
        reads[i].set_buffer(buffers.at(i));
        read_next(reads[i]);
    }
    pool.clear(); // joins
    std::printf("sum of the CRCs: %016llx, blocks that failed: %llu\n", 0ULL + sum, 0ULL + failed);
    return failed == 0 ? 0 : 1;
} catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
}
