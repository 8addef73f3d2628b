// SPDX-License-Identifier: MIT
//
// A forked child has copies of its parent's objects, but not the kernel's objects behind them.
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <system_error>
#include <thread>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "catch.hpp"
#include "child_process.hpp"
#include "drive.hpp"
#include "file_descriptor.hpp"
#include "fixed_read.hpp"
#include "uring/io_uring_instance.hpp"

using namespace ngpoll;
using test::counted_request;
using test::drive;
using test::fixed_read;
using test::in_child;

#if defined(__SANITIZE_ADDRESS__)
/// The C library keeps notes about threads that a forked child does not have, and the child cannot
/// free them.
extern "C" const char* __lsan_default_suppressions() { return "leak:__cxa_thread_atexit_impl"; }
#endif

namespace {

/// True if `does` ends without an error in a forked child. The test's report has the child's
/// output.
template <class Does>
bool ends_well(Does&& does)
{
    const auto end = in_child(does);
    UNSCOPED_INFO(end.said);
    return end.exited_well();
}

std::byte* map_pages(std::size_t bytes)
{
    void* const at = ::mmap(
        nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    REQUIRE(at != MAP_FAILED);
    return static_cast<std::byte*>(at);
}

} // namespace

TEST_CASE("a ring used in a forked child aborts the child with an explanation")
{
    const auto role = GENERATE(role_policy::waiter, role_policy::resident);
    drive emulated("emu:size=1M", {.depth = 8, .rings_max = 2, .role = role});
    ring own(emulated.queue, {.depth = 4});
    CHECK(test::aborts_saying("forked child", [&] { own.poll(); }));
    CHECK(test::aborts_saying("forked child", [&] { own.wait(1); }));
    CHECK(test::aborts_saying("forked child", [&] { own.flush(); }));
    CHECK(test::aborts_saying(
        "forked child", [&] { const ring more(emulated.queue, {.depth = 1}); }));
#if !defined(__SANITIZE_THREAD__) // TSan cannot follow threads that a forked child starts

    // New threads of the child may reuse the parent's thread ids, but own none of its rings.
    CHECK(test::aborts_saying("forked child", [&] { std::thread([&] { own.poll(); }).join(); }));
#endif
    // The parent's ring goes on.
    counted_request r(flush_command(1));
    REQUIRE(own.submit(r));
    CHECK(own.wait(1) == 1);
}

TEST_CASE("a forked child registers no buffers with its parent's queue")
{
    drive emulated("emu:size=1M");
    CHECK(ends_well([&] {
        const auto refused = test::error_of(
            [&] { const buffer_pool pool(emulated.queue, {.count = 1, .buffer_bytes = 512}); });
        if (refused.value != EINVAL || !refused.says("open the drive anew"))
            std::abort();
    }));
}

TEST_CASE("a forked child may destroy, close or leave open its parent's objects")
{
    const auto role = GENERATE(role_policy::waiter, role_policy::resident);
    auto emulated = std::make_unique<drive>(
        "emu:size=1M", poll_queue::options{.depth = 8, .rings_max = 2, .role = role});
    auto pool = std::make_unique<buffer_pool>(
        emulated->queue, buffer_pool::options{.count = 4, .buffer_bytes = 4096});
    auto own = std::make_unique<ring>(emulated->queue, ring::options{.depth = 4});
    counted_request r(flush_command(1));
    REQUIRE(own->submit(r)); // outstanding at the fork
    CHECK(ends_well([&] { std::exit(0); }));
    CHECK(ends_well([&] { own->close(); }));
    CHECK(ends_well([&] {
        own.reset();
        pool.reset();
        emulated.reset();
    }));
    CHECK(ends_well([&] { emulated.reset(); })); // in the wrong order
    CHECK(ends_well([&] {
        // The child opens a drive on the thread that has its parent's ring.
        drive mine("emu:size=1M");
        ring ring_of_mine(mine.queue);
        own.reset();
        counted_request other(flush_command(1));
        if (!ring_of_mine.submit(other) || ring_of_mine.wait(1) != 1)
            std::abort();
    }));
    CHECK(own->wait(1) == 1);
}

TEST_CASE("a pool destroyed in a forked child leaves the child's own memory alone")
{
    drive emulated("emu:size=1M");
    auto pool = std::make_unique<buffer_pool>(emulated.queue,
        buffer_pool::options{.count = 64, .buffer_bytes = 4096, .huge_pages = false});
    std::byte* const was_at = pool->at(0).data;
    CHECK(ends_well([&] {
        void* const mine = ::mmap(was_at, 64 * 4096UL, PROT_READ | PROT_WRITE,
            MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
        if (mine != was_at)
            std::abort();
        pool.reset();
        std::memset(mine, 2, 64 * 4096UL);
    }));
}

TEST_CASE("a forked child takes nothing away from its parent's kernel ring")
{
    poll_queue_report report;
    io_uring_instance own(-1,
        {.depth = 8, .rings_max = 2, .mode = poll_mode::interrupt, .registered_file = false},
        report);
    const transport_seat seat = own.attach();
    std::byte* const memory = map_pages(8192);
    const std::uint16_t first = own.register_buffers(memory, 4096, 4096, 2);
    REQUIRE(fixed_read(own, seat, memory, first) == 4096);
    CHECK(ends_well([&] {
        own.unregister_buffers(first, 2);
        // The descriptor is closed, so the next open gets its number.
        for (int fd = 3; fd < 64; ++fd) {
            char path[64];
            char to[64] = "";
            std::snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
            if (::readlink(path, to, sizeof to - 1) > 0 && std::strstr(to, "io_uring") != nullptr)
                std::abort();
        }
    }));
    CHECK(fixed_read(own, seat, memory, first) == 4096);
    own.unregister_buffers(first, 2);
    ::munmap(memory, 8192);
}

TEST_CASE("a forked child keeps a file that has the number of a ring closed before")
{
    const auto open_null = [] { return ::open("/dev/null", O_RDONLY | O_CLOEXEC); };
    // It is closed at once, so its number is free.
    const int number = file_descriptor::opened_by(open_null).get();
    const int own = open_null();
    REQUIRE(own == number);
    CHECK(ends_well([own] {
        if (::fcntl(own, F_GETFD) < 0)
            std::abort();
    }));
    ::close(own);
}

TEST_CASE("buffers that the kernel refused are not pinned")
{
    CHECK(ends_well([] {
        const rlimit half_a_mebibyte{512U << 10U, 512U << 10U};
        ::setrlimit(RLIMIT_MEMLOCK, &half_a_mebibyte);
        if (::setgid(65534) != 0 || ::setuid(65534) != 0)
            return; // this user has no limit
        poll_queue_report report;
        io_uring_instance own(-1,
            {.depth = 8, .rings_max = 2, .mode = poll_mode::interrupt, .registered_file = false},
            report);
        std::byte* const memory = map_pages(1U << 20U);
        try {
            own.register_buffers(memory, 4096, 4096, 256);
            std::abort();
        } catch (const std::system_error& refused) {
            if (refused.code().value() != ENOMEM)
                std::abort();
        }
        for (int again = 0; again < 3; ++again)
            own.unregister_buffers(own.register_buffers(memory, 4096, 4096, 100), 100);
    }));
}

TEST_CASE("buffers are not inherited by a forked child")
{
    drive emulated("emu:size=1M");
    const buffer_pool pool(emulated.queue, {.count = 4, .buffer_bytes = 4096});
    std::byte* const at = pool.at(0).data;
    const auto child = in_child([&] { *at = std::byte{1}; });
    CHECK(WIFSIGNALED(child.status));
    CHECK(WTERMSIG(child.status) == SIGSEGV);
}
