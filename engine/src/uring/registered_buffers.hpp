// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include <sys/uio.h>

namespace ngpoll {

/// IORING_MAX_REG_BUFFERS: the most buffers that a kernel ring's table of registered buffers holds.
constexpr std::uint32_t kFixedBuffersMax = 1U << 14;

/// `count` buffers of `bytes` each, `stride` apart, in the kernel's form.
[[nodiscard]] std::vector<iovec> regions_of(
    std::byte* memory, std::size_t stride, std::uint32_t bytes, std::uint32_t count);

struct failed_registration {
    int errno_value = 0;
    std::string what; ///< the buffers, in words
    std::uint64_t bytes = 0; ///< of all buffers together
    bool each_ring = false; ///< each ring registers the buffers again, by interrupt
};
/// Throws std::system_error with a sentence that says what to do.
[[noreturn]] void fail_registering(const failed_registration& failed);

/// Tracks which places of a table of registered buffers are taken.
class buffer_slots {
public:
    /// Takes `count` places in a row and returns the first. Throws EINVAL if there is no room.
    [[nodiscard]] std::uint32_t take(std::uint32_t count);
    void give_back(std::uint32_t first, std::uint32_t count) noexcept;
    void clear() noexcept { taken_.clear(); }

private:
    std::vector<bool> taken_; ///< empty until the first take()
};

/// The buffers of a queue by interrupt. Each ring of the queue registers them with its own kernel
/// ring. A ring calls for_each_change() when generation() has moved on.
///
/// Any thread may call any function. A place that was freed may be taken again at once: each ring
/// overwrites it before the ring sends its next command.
class buffer_table {
public:
    std::uint16_t add(std::span<const iovec> regions);
    void remove(std::uint16_t first, std::uint32_t count) noexcept;

    /// Counts the changes.
    [[nodiscard]] std::uint64_t generation() const noexcept
    {
        // acquire: pairs with the release in changed(). The mutex guards the regions, but a ring
        // that knows of a pool must see its change here.
        return generation_.load(std::memory_order_acquire);
    }

    /// Calls `visit(first, regions)` for each run of places that changed after `seen`. Returns the
    /// generation that the caller then has. A freed place is an empty region.
    template <class Visit>
    std::uint64_t for_each_change(std::uint64_t seen, Visit&& visit)
    {
        const std::lock_guard lock(mutex_);
        const auto count = static_cast<std::uint32_t>(regions_.size());
        for (std::uint32_t first = 0; first < count;) {
            std::uint32_t end = first;
            while (end < count && changed_at_[end] > seen)
                ++end;
            if (end != first)
                visit(first, std::span<const iovec>(regions_).subspan(first, end - first));
            first = end + 1;
        }
        // relaxed: written under the mutex.
        return generation_.load(std::memory_order_relaxed);
    }

private:
    void changed(std::uint32_t first, std::uint32_t count) noexcept;

    std::mutex mutex_;
    buffer_slots slots_;
    std::vector<iovec> regions_; ///< has room up to the highest place that was ever taken
    std::vector<std::uint64_t> changed_at_; ///< for each place, the generation of its last change
    std::atomic<std::uint64_t> generation_{0};
};

} // namespace ngpoll
