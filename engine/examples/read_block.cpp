// SPDX-License-Identifier: MIT
// Reads the first block of a namespace: ngpoll_read_block [/dev/ng0n1]
#include <cstdio>
#include <exception>

#include <ngpoll/ngpoll.hpp>

int main(int argc, char** argv)
try {
    const auto drive = ngpoll::nvme_namespace::open(argc > 1 ? argv[1] : "emu:");
    ngpoll::poll_queue queue(drive);
    ngpoll::buffer_pool buffers(queue, {.count = 1, .buffer_bytes = drive.info().block_bytes()});
    ngpoll::request read; // outlives the ring, whose destructor waits for what is in flight
    ngpoll::ring ring(queue);

    read.cmd = ngpoll::read_command(drive.info().nsid, /*slba=*/0, /*blocks=*/1);
    read.set_buffer(buffers.at(0));
    buffers.at(0).data[0] = std::byte{0xff}; // to see it overwritten
    if (!ring.submit(read) || ring.wait(1) != 1)
        return 1;
    std::printf("%s, first byte %02x\n", read.status.text().c_str(),
        std::to_integer<unsigned>(buffers.at(0).data[0]));
    return read.status.ok() ? 0 : 1;
} catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
}
