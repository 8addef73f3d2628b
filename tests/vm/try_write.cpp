// SPDX-License-Identifier: MIT
// Takes a permit, writes one block of 0xa5, and holds the permit until its standard input ends.
// usage: try_write DEVICE SERIAL:NSID LBA [--force]     (exit status 2: refused)
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string_view>
#include <system_error>

#include <ngpoll/ngpoll.hpp>

namespace {

bool write_block(const ngpoll::nvme_namespace& drive, std::uint64_t lba)
{
    ngpoll::poll_queue queue(drive);
    ngpoll::buffer_pool buffers(queue, {.count = 1, .buffer_bytes = drive.info().block_bytes()});
    ngpoll::request write;
    ngpoll::ring ring(queue);
    write.cmd = ngpoll::write_command(drive.info().nsid, lba, 1);
    write.set_buffer(buffers.at(0));
    std::fill(buffers.at(0).data, buffers.at(0).data + buffers.at(0).size_bytes, std::byte{0xa5});
    return ring.submit(write) && ring.wait(1) == 1 && write.status.ok();
}

} // namespace

int main(int argc, char** argv)
try {
    if (argc < 4)
        return 3;
    const auto drive = ngpoll::nvme_namespace::open(argv[1], {.writable = true});
    const auto permit = ngpoll::write_permit::take(drive,
        {.serial_nsid = argv[2], .force = argc > 4 && std::string_view(argv[4]) == "--force"});
    if (!permit.unchecked().empty())
        std::printf("unchecked: %s\n", permit.unchecked().c_str());
    if (!write_block(drive, std::strtoull(argv[3], nullptr, 0)))
        return 1;
    std::puts("written");
    std::fflush(stdout);
    while (std::getchar() != EOF) { }
    return 0;
} catch (const std::system_error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 2;
} catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
}
