// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include <ngpoll/request.hpp>

namespace ngpoll {

class poll_queue;
class drive_queue;

/// Buffers of one size, registered with a poll queue once, each as a region of its own (a few
/// instructions per I/O cheaper than one region for all).
///
/// The memory is in huge pages when there are some free and the pool fills at least half of them,
/// else in plain pages. Made and destroyed where no ring of a private queue lives on another
/// thread: on that ring's thread, or before it. at() may be called from any thread. Destroy it
/// before its queue, or the program stops, and with no command on its buffers in flight. A forked
/// child has none of the memory, and the destructor does nothing there.
///
/// By interrupt each ring registers the queue's pools again, and each time they count as locked
/// memory. A ring does so when it is made, and for later pools at its next call. Where the limit
/// does not allow that at such a call, commands of that ring on that pool end with ENOMEM. A pool
/// that is gone counts until each ring's next call.
///
/// Registered buffers are the safe choice where other processes, or the block layer, may use the
/// drive at the same time. When the drive's tags run out, the kernel hands a command to a worker,
/// and only a registered buffer can be relied on there: a command on another one may end with
/// EFAULT (seen on Linux 6.12 and 7.3). It never ends well with wrong data.
class buffer_pool {
public:
    /// How many buffers, of what size, and where their memory is.
    struct options {
        std::uint32_t count = 0; ///< of buffers
        std::uint32_t buffer_bytes = 0; ///< each buffer starts at a multiple of 512 and of this
                                        ///< size where it is a power of two up to a page
        bool fixed = true; ///< register; else the kernel maps the pages for each command; see above
        bool huge_pages = true; ///< use them where they are free and worth it; see above
        /// The caller's, of count times buffer_bytes, buffers side by side: nothing is allocated
        /// then, and nothing freed. It must stay until the pool is gone; a forked child inherits
        /// it, and the drive may go on writing to the child's copy (madvise MADV_DONTFORK).
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
    unsigned process_; ///< which process made it; see detail::process_generation
    std::size_t stride_bytes_ = 0;
    std::size_t mapped_bytes_ = 0;
    std::byte* memory_ = nullptr;
    std::uint16_t first_index_ = buffer::kNotFixed;
    bool in_huge_pages_ = false;
};

} // namespace ngpoll
