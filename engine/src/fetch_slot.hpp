// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "wake_target.hpp"

namespace ngpoll::detail {

/// A fetch: a worker gets its batches here. A fetch has two buffers, so a batch may lie there while
/// the worker still has the previous batch.
///
/// The poller fills buffers, and takes back a batch that is not read. The worker takes a batch and
/// gives its buffer back. One word for each buffer says which thread may use it:
///
///     0                  empty: the poller may fill it
///     count              a batch lies there, unread: worker and poller may both take it
///     count + kTaken     the worker has it
///
/// The edges:
///   F1  fill's store (release) -> take (acquire): the batch and its requests.
///   F2  give_back (release) -> can_fill (acquire): the worker has read the array.
///   F3  The worker stores `waits`. Then it looks at the group's figures, its buffers, and the role
///       or the sleeping resident. The poller publishes, and then looks at `waits`. All seq_cst:
///       one of the two sees the other.
///   F4  post (release) -> is_posted (acquire), and free (release) -> the next post (acquire): what
///       the worker sets up.
///
/// Invariant: at most one batch lies unread. A fetch belongs to its group, which uses it again
/// after it was withdrawn. So the poller, and a thread that looks for a sleeping worker, may look
/// at it at any time.
template <class World>
struct basic_fetch : World::wake_target {
    using request = typename World::request;
    template <class T>
    using atomic = typename World::template atomic<T>;

    enum state : std::uint32_t { free, posted, withdrawn };
    static constexpr std::uint32_t kTaken = 1U << 31;
    static constexpr std::uint32_t kCount = kTaken - 1;

    struct buffer {
        atomic<std::uint32_t> word{0};
        request** requests = nullptr; ///< room for batch_max
    };

    // ---- For the worker.

    /// Takes the batch that lies there; returns 0 if there is none.
    std::uint32_t take() noexcept
    {
        buffer& from = buffers[reading];
        // relaxed: the compare-exchange looks again.
        std::uint32_t lies = from.word.load(std::memory_order_relaxed);
        while (lies != 0) {
            // The poller may take the batch back meanwhile. acquire: the batch (F1). relaxed on
            // failure: the next round looks again.
            if (from.word.compare_exchange_strong(
                    lies, lies | kTaken, std::memory_order_acquire, std::memory_order_relaxed)) {
                held = &from;
                reading ^= 1U;
                return lies & kCount;
            }
        }
        return 0;
    }
    /// Gives back the buffer that take() took. Its requests are not read any more.
    void give_back() noexcept
    {
        if (held != nullptr)
            // release: the worker has read the batch (F2)
            held->word.store(0, std::memory_order_release);
        held = nullptr;
    }
    [[nodiscard]] bool has_batch() const noexcept
    {
        // seq_cst: not before the arming; pairs with fill's store and its count-down.
        return buffers[reading].word.load(std::memory_order_seq_cst) != 0;
    }

    // ---- For the poller.

    [[nodiscard]] bool is_posted() const noexcept
    {
        return is.load(std::memory_order_acquire) == posted; // acquire: F4
    }
    /// A fetch that is withdrawn is in use until the poller has taken back its batch.
    [[nodiscard]] bool is_in_use() const noexcept
    {
        return is.load(std::memory_order_relaxed) != free; // relaxed: the poller frees it
    }
    /// Whether the poller may put a batch there. A waiting worker has no other batch.
    [[nodiscard]] bool can_fill(bool waiting) const noexcept
    {
        // `waits` first: it says that the fetch is posted. seq_cst: F3. acquire: F2.
        return (!waiting || waits.load(std::memory_order_seq_cst)) && is_posted()
            && buffers[filling].word.load(std::memory_order_acquire) == 0
            && !lies_unread(buffers[filling ^ 1U]);
    }
    [[nodiscard]] buffer& next_to_fill() noexcept { return buffers[filling]; }
    /// Publishes a batch. Its requests are in the array, and no link or cursor of the poller points
    /// to them.
    void fill(std::uint32_t count) noexcept
    {
        buffer& filled = buffers[filling];
        filling ^= 1U;
        // seq_cst: F1, and not after the count-down, or the look at `waits` (F3).
        filled.word.store(count, std::memory_order_seq_cst);
    }
    /// Takes back the batch that is not read. Returns the array of its buffer and `count`, or null.
    request** take_back(std::uint32_t& count) noexcept
    {
        buffer& from = buffers[filling ^ 1U];
        // relaxed: the poller's own store
        std::uint32_t lies = from.word.load(std::memory_order_relaxed);
        if (lies == 0 || (lies & kTaken) != 0)
            return nullptr;
        // relaxed, both: the worker has not touched the batch.
        if (!from.word.compare_exchange_strong(
                lies, 0, std::memory_order_relaxed, std::memory_order_relaxed))
            return nullptr;
        filling ^= 1U;
        count = lies & kCount;
        return from.requests;
    }

    /// Any thread: whether a batch lies there and the worker does not wait.
    [[nodiscard]] bool has_parked() const noexcept
    {
        for (const buffer& each : buffers) {
            // In this order: a batch that came after the worker had left counts. seq_cst: F3.
            const std::uint32_t lies = each.word.load(std::memory_order_seq_cst);
            if (lies != 0 && (lies & kTaken) == 0 && !waits.load(std::memory_order_seq_cst))
                return true;
        }
        return false;
    }

    atomic<std::uint32_t> is{free};
    atomic<bool> waits{false}; ///< the worker waits in next(), or its event loop does
    /// The worker is inside the queue's code. A group that closes waits until it has left.
    atomic<bool> inside{false};
    std::array<buffer, 2> buffers;
    std::uint32_t batch_max = 0; ///< set while the fetch is free
    /// Link in the group's list; set before other threads see this fetch
    basic_fetch* next = nullptr;

    // Only the worker uses these.
    alignas(64) unsigned reading = 0; ///< which buffer comes next
    buffer* held = nullptr; ///< the buffer that is taken and not given back
    bool has_ended = false; ///< next() has found nothing, and nothing more will come
    bool by_event = false; ///< for an event loop: armed when next() has returned nothing
    typename World::spin_history spins;
    typename World::pass_context passes;

    // Only the poller uses these.
    alignas(64) unsigned filling = 0; ///< which buffer comes next
    std::uint32_t served_in = 0; ///< number of the pass that last filled a buffer

private:
    [[nodiscard]] static bool lies_unread(const buffer& asked) noexcept
    {
        // relaxed: the poller's own store, or the worker's mark.
        const std::uint32_t lies = asked.word.load(std::memory_order_relaxed);
        return lies != 0 && (lies & kTaken) == 0;
    }
};

} // namespace ngpoll::detail
