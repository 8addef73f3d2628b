// SPDX-License-Identifier: MIT
#include <ngpoll/buffer_pool.hpp>

#include <bit>
#include <cerrno>

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <ngpoll/assert.hpp>
#include <ngpoll/poll_queue.hpp>

#include "drive_queue.hpp"
#include "error.hpp"
#include "process.hpp"
#include "queue_state.hpp"

namespace ngpoll {

namespace {

constexpr std::size_t kHugePageBytes = std::size_t{2} << 20;
constexpr std::size_t kLbaBytesLeast = 512;

constexpr std::size_t round_up(std::size_t value, std::size_t multiple)
{
    return (value + multiple - 1) / multiple * multiple;
}

/// A buffer whose size is a power of two up to a page never straddles two pages. A larger buffer
/// starts on a page.
std::size_t stride_of(std::uint32_t buffer_bytes, std::size_t page_bytes)
{
    if (buffer_bytes <= page_bytes && std::has_single_bit(buffer_bytes))
        return buffer_bytes < kLbaBytesLeast ? kLbaBytesLeast : buffer_bytes;
    return round_up(buffer_bytes, buffer_bytes < page_bytes ? kLbaBytesLeast : page_bytes);
}

void* map_pages(std::size_t bytes, int extra_flags)
{
    return ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
        MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE | extra_flags, -1, 0);
}

} // namespace

buffer_pool::buffer_pool(poll_queue& queue, options requested)
    : queue_(queue.state().drive())
    , options_(requested)
    , process_(detail::process_generation)
{
    if (queue.state().is_inherited())
        detail::refuse(
            "the poll queue belongs to the parent process; open the drive anew in the forked "
            "child");
    if (requested.count == 0 || requested.buffer_bytes == 0)
        detail::refuse("a buffer pool needs at least one buffer of at least one byte");
    if (requested.memory != nullptr) {
        stride_bytes_ = requested.buffer_bytes;
        memory_ = requested.memory;
    } else {
        allocate();
    }
    try {
        if (requested.fixed)
            first_index_ = queue.state().drive()->register_buffers(
                memory_, stride_bytes_, requested.buffer_bytes, requested.count);
    } catch (...) {
        free();
        throw;
    }
}

void buffer_pool::allocate()
{
    const auto page_bytes = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    stride_bytes_ = stride_of(options_.buffer_bytes, page_bytes);
    const std::size_t wanted = stride_bytes_ * options_.count;

    void* mapped = MAP_FAILED;
    // A huge page that is mostly empty costs more memory than the entries that it saves in the TLB
    // are worth.
    if (options_.huge_pages && wanted >= kHugePageBytes / 2) {
        mapped_bytes_ = round_up(wanted, kHugePageBytes);
        mapped = map_pages(mapped_bytes_, MAP_HUGETLB);
        in_huge_pages_ = mapped != MAP_FAILED;
    }
    if (mapped == MAP_FAILED) {
        mapped_bytes_ = round_up(wanted, page_bytes);
        mapped = map_pages(mapped_bytes_, 0);
    }
    if (mapped == MAP_FAILED)
        detail::fail(errno,
            fmt::format("no memory for {} buffers of {} bytes; give fewer or smaller ones",
                options_.count, options_.buffer_bytes));
    memory_ = static_cast<std::byte*>(mapped);
    // After a fork, copy-on-write would leave the drive writing to pages that do not belong to this
    // process any more.
    ::madvise(memory_, mapped_bytes_, MADV_DONTFORK);
}

void buffer_pool::free() noexcept
{
    if (mapped_bytes_ != 0)
        ::munmap(memory_, mapped_bytes_);
}

buffer_pool::~buffer_pool()
{
    // In a forked child the memory is not mapped, or is something else by now. The kernel's table
    // belongs to the parent.
    if (detail::is_inherited(process_))
        return;
    const std::shared_ptr<drive_queue> queue = queue_.lock();
    if (!queue)
        detail::stop("a buffer_pool was destroyed after its poll_queue; destroy it before");
    if (first_index_ != buffer::kNotFixed)
        queue->unregister_buffers(first_index_, options_.count);
    free();
}

buffer buffer_pool::at(std::uint32_t index) const noexcept
{
    NGPOLL_ASSERT(index < options_.count, "a buffer pool was asked for a buffer it does not have");
    const bool fixed = first_index_ != buffer::kNotFixed;
    return {.data = memory_ + index * stride_bytes_,
        .size_bytes = options_.buffer_bytes,
        .fixed_index
        = fixed ? static_cast<std::uint16_t>(first_index_ + index) : buffer::kNotFixed};
}

} // namespace ngpoll
