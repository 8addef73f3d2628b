// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include <ngpoll/request.hpp>

namespace ngpoll {

class poll_queue;
class drive_queue;

/// Buffers of one size, registered with a poll queue once. Each buffer is a region of its own,
/// which costs a few instructions per I/O less than one region for all buffers.
///
/// The memory is in huge pages if some are free and the pool fills at least half of them, else in
/// plain pages. A pool on a private queue is made and destroyed on the thread of that queue's ring,
/// or before the ring is made. at() may be called from any thread. Destroy the pool before its
/// queue, or the program stops, and while no command uses its buffers. A forked child has none of
/// the memory, and the destructor does nothing there.
///
/// By interrupt each ring registers the queue's pools again, and they count as locked memory once
/// more for each ring. A ring does this when it is made, and for later pools at its next call. If
/// the limit on locked memory does not allow it at such a call, this ring's commands on that pool
/// end with ENOMEM. A destroyed pool counts until each ring's next call.
///
/// Use registered buffers where other processes, or the block layer, may use the drive at the same
/// time. When the drive's tags run out, the kernel hands a command to a worker. Only a registered
/// buffer is reliable there: a command on any other buffer may end with EFAULT (seen on Linux 6.12
/// and 7.3). Such a command never succeeds with wrong data.
class buffer_pool {
public:
    /// Number and size of the buffers, and their memory.
    struct options {
        std::uint32_t count = 0; ///< number of buffers
        std::uint32_t buffer_bytes = 0; ///< each buffer starts at a multiple of 512, and of this
                                        ///< size if it is a power of two up to a page
        bool fixed = true; ///< register the buffers; otherwise the kernel maps the pages for each
                           ///< command; see above
        bool huge_pages = true; ///< use huge pages where the pool is large; see above
        /// The caller's memory, count times buffer_bytes, with the buffers side by side. The pool
        /// then allocates and frees nothing. The memory must stay until the pool is gone. A forked
        /// child inherits it, and the drive may go on writing to the child's copy (madvise
        /// MADV_DONTFORK).
        std::byte* memory = nullptr;
    };

    /// Throws std::system_error: EINVAL (count or size 0, or more than the queue's table holds),
    /// ENOMEM (no memory, or the locked-memory limit is too small; the text says which limit).
    buffer_pool(poll_queue& queue, options requested);
    ~buffer_pool();
    buffer_pool(const buffer_pool&) = delete;
    buffer_pool& operator=(const buffer_pool&) = delete;

    /// The buffer of this number, from 0 on. A number that is too high stops the program.
    [[nodiscard]] buffer at(std::uint32_t index) const noexcept;
    /// The number of buffers.
    [[nodiscard]] std::uint32_t count() const noexcept { return options_.count; }
    /// Whether the memory is in huge pages.
    [[nodiscard]] bool in_huge_pages() const noexcept { return in_huge_pages_; }

private:
    void allocate();
    void free() noexcept;

    std::weak_ptr<drive_queue> queue_;
    options options_;
    unsigned process_; ///< the process that made the pool; see detail::process_generation
    std::size_t stride_bytes_ = 0;
    std::size_t mapped_bytes_ = 0;
    std::byte* memory_ = nullptr;
    std::uint16_t first_index_ = buffer::kNotFixed;
    bool in_huge_pages_ = false;
};

} // namespace ngpoll
