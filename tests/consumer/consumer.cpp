// SPDX-License-Identifier: MIT
// A program outside this repository: writes one block, reads it back, and exits with 0 if it is
// what was written.
#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <exception>

#include <ngpoll/ngpoll.hpp>

namespace {

bool carry_out(ngpoll::ring& ring, ngpoll::request& r, const ngpoll::buffer& data)
{
    r.set_buffer(data);
    r.on_complete = [](ngpoll::request&) noexcept {};
    return ring.submit(r) && ring.wait(1) == 1 && r.status.ok();
}

} // namespace

int main()
try {
    const auto drive = ngpoll::nvme_namespace::open("emu:size=1M", {.writable = true});
    const auto& info = drive.info();
    ngpoll::poll_queue queue(drive);
    ngpoll::buffer_pool buffers(queue, {.count = 2, .buffer_bytes = info.lba_bytes});
    const ngpoll::buffer written = buffers.at(0);
    const ngpoll::buffer read_back = buffers.at(1);
    for (std::size_t i = 0; i < info.lba_bytes; ++i)
        written.data[i] = static_cast<std::byte>(i * 7 + 1);

    ngpoll::request r;
    ngpoll::ring ring(queue);
    r.cmd = ngpoll::write_command(info.nsid, 3, 1);
    bool right = carry_out(ring, r, written);
    r.cmd = ngpoll::read_command(info.nsid, 3, 1);
    right = right && carry_out(ring, r, read_back);
    right = right && std::equal(written.data, written.data + info.lba_bytes, read_back.data);
    std::puts(right ? "the block came back as it was written" : "the block did not come back");
    return right ? 0 : 1;
} catch (const std::exception& error) {
    std::fprintf(stderr, "consumer: %s\n", error.what());
    return 1;
}
