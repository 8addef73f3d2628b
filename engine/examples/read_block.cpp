// SPDX-License-Identifier: MIT
// Reads the first block of a namespace and prints how it starts: ngpoll_read_block /dev/ng0n1
#include <cstddef>
#include <cstdio>
#include <exception>
#include <stdexcept>

#include <ngpoll/ngpoll.hpp>

int main(int argc, char** argv)
try {
    const auto drive = ngpoll::nvme_namespace::open(argc > 1 ? argv[1] : "emu:");
    if (drive.info().metadata_bytes != 0) // the drive would transfer it, too
        throw std::runtime_error("blocks with metadata are more than this example reads");

    ngpoll::poll_queue queue(drive);
    ngpoll::buffer_pool buffers(queue, {.count = 1, .buffer_bytes = drive.info().lba_bytes});
    ngpoll::request read; // must outlive the ring: its destructor waits for what is in flight
    ngpoll::ring ring(queue);

    read.cmd = ngpoll::read_command(drive.info().nsid, /*slba=*/0, /*blocks=*/1);
    read.set_buffer(buffers.at(0));
    read.on_complete = [](ngpoll::request& done) noexcept {
        std::printf("block 0: %s\n", done.status.text().c_str());
    };
    if (!ring.submit(read) || ring.wait(1) != 1 || !read.status.ok())
        return 1;

    for (unsigned i = 0; i < 16; ++i)
        std::printf("%02x ", std::to_integer<unsigned>(buffers.at(0).data[i]));
    std::puts("...");
} catch (const std::exception& error) {
    std::fprintf(stderr, "ngpoll_read_block: %s\n", error.what());
    return 1;
}
