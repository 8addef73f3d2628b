// SPDX-License-Identifier: MIT
//
// Measures how much memory a ring adds to a process, for `footprint`.
//
// `ngpoll_ring_memory [DEVICE]` makes a poll queue with one ring of depth 128, its requests and its
// 512-byte buffers (one block each if blocks are larger). It reads with all of them, and prints how
// much the process has grown. Then it does this again with a second ring beside the first. The
// second figure contains no memory for code that runs for the first time.
//
// No figure contains kernel memory.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <string_view>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

#include <ngpoll/ngpoll.hpp>

namespace {

constexpr std::uint32_t kDepth = 128;
constexpr std::uint32_t kBufferBytes = 512;
constexpr int kRounds = 16;

/// The value in kB after `name` in a file of /proc, as bytes; 0 if there is no such line. Uses the
/// stack alone, because memory is what this program measures.
std::int64_t bytes_of(const char* file, const char* name)
{
    char text[8192];
    const int fd = ::open(file, O_RDONLY | O_CLOEXEC);
    std::size_t size = 0;
    for (;;) {
        const ssize_t got = ::read(fd, text + size, sizeof text - 1 - size);
        if (got <= 0)
            break;
        size += static_cast<std::size_t>(got);
    }
    ::close(fd);
    text[size] = '\0';
    const char* const line = std::strstr(text, name);
    return line == nullptr ? 0 : std::strtoll(line + std::strlen(name), nullptr, 10) * 1024;
}

struct process_memory {
    std::int64_t status; ///< VmRSS; before Linux 6.17 wrong by up to 64 pages per processor
    std::int64_t counted; ///< Rss of smaps_rollup, which counts page by page
    std::int64_t huge_pages; ///< not part of the other two

    static process_memory now()
    {
        return {.status = bytes_of("/proc/self/status", "\nVmRSS:"),
            .counted = bytes_of("/proc/self/smaps_rollup", "\nRss:"),
            .huge_pages = bytes_of("/proc/self/status", "\nHugetlbPages:")};
    }
};

/// All that a program has for each ring. The ring is last: it finishes the requests when it closes.
class reader {
public:
    explicit reader(const ngpoll::nvme_namespace& device)
        : queue_(device, {.depth = kDepth})
        , requests_(kDepth)
        , buffers_(queue_,
              {.count = kDepth, .buffer_bytes = std::max(kBufferBytes, device.info().lba_bytes)})
        , ring_(queue_, {.depth = kDepth})
    {
        for (std::uint32_t i = 0; i < kDepth; ++i) {
            requests_[i].cmd = ngpoll::read_command(device.info().nsid, i, 1);
            requests_[i].set_buffer(buffers_.at(i));
        }
    }

    bool read_with_all()
    {
        for (ngpoll::request& r : requests_)
            if (!ring_.submit(r))
                return false;
        ring_.wait(kDepth);
        return std::all_of(requests_.begin(), requests_.end(),
            [](const ngpoll::request& r) { return r.status.ok(); });
    }

    [[nodiscard]] std::int64_t buffer_bytes() const
    {
        return std::int64_t{kDepth} * buffers_.at(0).size_bytes;
    }

private:
    ngpoll::poll_queue queue_;
    std::vector<ngpoll::request> requests_;
    ngpoll::buffer_pool buffers_;
    ngpoll::ring ring_;
};

void print(const char* which, const process_memory& before, const process_memory& after,
    std::int64_t buffer_bytes)
{
    const std::int64_t status = after.status - before.status;
    const std::int64_t counted = after.counted - before.counted;
    const std::int64_t huge = after.huge_pages - before.huge_pages;
    std::printf("%s vmrss %lld counted %lld huge %lld buffers %lld added %lld\n", which,
        static_cast<long long>(status), static_cast<long long>(counted),
        static_cast<long long>(huge), static_cast<long long>(buffer_bytes),
        static_cast<long long>(std::max(status, counted) + huge - buffer_bytes));
}

int measure(const char* path)
{
    const auto device = ngpoll::nvme_namespace::open(path);
    std::printf("device %s\n", device.info().path.c_str()); // stdio allocates its buffer here
    process_memory::now(); // so that all memory that it touches is there
    const process_memory before = process_memory::now();
    reader first(device);
    for (int round = 0; round < kRounds; ++round)
        if (!first.read_with_all())
            return 1;
    const process_memory between = process_memory::now();
    reader second(device);
    for (int round = 0; round < kRounds; ++round)
        if (!second.read_with_all())
            return 1;
    const process_memory after = process_memory::now();
    print("first", before, between, first.buffer_bytes());
    print("second", between, after, second.buffer_bytes());
    return 0;
}

} // namespace

int main(int argc, char** argv)
{
    try {
        return measure(argc > 1 ? argv[1] : "emu:queues=2");
    } catch (const std::exception& error) {
        std::fprintf(stderr, "ngpoll_ring_memory: %s\n", error.what());
        return 2;
    }
}
