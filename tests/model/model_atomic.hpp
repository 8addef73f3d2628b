// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "protocol_step.hpp"

#define RL_DO_ASSERT 1 // Relacy checks itself, and that each operation may have its order
#include <relacy/relacy.hpp>

// Relacy redefines these names. They can be restored, because nothing here allocates while a
// schedule runs, and as_relacy() below translates the orders for Relacy.
#undef $
#undef assert
#undef calloc
#undef delete
#undef errno
#undef free
#undef malloc
#undef memory_order_acq_rel
#undef memory_order_acquire
#undef memory_order_consume
#undef memory_order_relaxed
#undef memory_order_release
#undef memory_order_seq_cst
#undef new
#undef realloc

namespace ngpoll::test {

inline constexpr std::size_t kModelThreadsMax = 8;

enum class operation { load, store, exchange, compare_exchange, fetch_add, fetch_and, fetch_sub };

/// One atomic operation, as it is written in the code under test.
struct site {
    operation what;
    std::memory_order order;
    std::string_view function;
    const void* address;
};

/// A mistake in the code under test that needs no change of the code. It is another order for an
/// operation, a store left out, or a skipped step of the shared queue's protocol.
struct mutation {
    const char* name;
    std::memory_order (*order)(const site&) = nullptr;
    bool (*omits)(const site&) = nullptr;
    std::optional<detail::step> skips = std::nullopt;
};
inline constexpr mutation kAsWritten{"as written"};
inline const mutation* mutation_in_force = &kAsWritten;
inline std::uint64_t operations_mutated = 0;

inline bool is_in(const site& at, operation what, std::string_view function)
{
    return at.what == what && at.function == function;
}

/// A text that can be a template argument.
template <std::size_t Size>
struct text {
    // NOLINTNEXTLINE(google-explicit-constructor): written as a literal where it is used.
    consteval text(const char (&from)[Size]) { std::copy_n(from, Size, bytes); }
    char bytes[Size]{};
};

/// Gives a mutation's order to one operation, which must be the only one of its kind in its
/// function.
template <operation What, text Function, std::memory_order Weaker>
std::memory_order weaken(const site& at)
{
    return is_in(at, What, Function.bytes) ? Weaker : at.order;
}

/// A mutation that leaves out a step of the shared queue.
constexpr mutation skipping(const char* name, detail::step skipped)
{
    return {.name = name, .skips = skipped};
}

/// The shared queue calls this before each step.
inline bool is_skipped(detail::step asked)
{
    const bool skipped = mutation_in_force->skips == asked;
    operations_mutated += skipped ? 1U : 0U;
    return skipped;
}

/// Counts stores that nothing ordered after the value that they replaced; see model_atomic.
inline std::uint64_t stores_unordered = 0;

/// Gets a call after an operation that succeeded, before any other thread runs. So it records
/// operations in their real order, and needs no synchronisation.
struct operation_watcher {
    virtual void exchanged() { }
    virtual void about_to_compare_exchange() { } ///< may pause the thread
    virtual void compare_exchanged() { } ///< may pause the thread
    virtual void added() { } ///< may pause the thread

protected:
    ~operation_watcher() = default;
};
inline std::array<operation_watcher*, kModelThreadsMax> watcher_of_thread{};

constexpr rl::memory_order as_relacy(std::memory_order order)
{
    switch (order) {
    case std::memory_order_relaxed: return rl::mo_relaxed;
    case std::memory_order_consume: return rl::mo_consume;
    case std::memory_order_acquire: return rl::mo_acquire;
    case std::memory_order_release: return rl::mo_release;
    case std::memory_order_acq_rel: return rl::mo_acq_rel;
    case std::memory_order_seq_cst: break;
    }
    return rl::mo_seq_cst;
}

/// Tells whether the newest value of an atomic must come before this thread's next store. It must
/// only if its write, or a read of it, happens before the store (write-write and read-write
/// coherence).
class newest_value {
public:
    [[nodiscard]] bool comes_before_this_thread() const
    {
        // Relacy's vector clock: how far this thread has synchronised with each other thread.
        const auto* const known = rl::ctx().threadx_->acq_rel_order_;
        for (std::size_t i = 0; i < threads(); ++i)
            if (first_seen_[i] != 0 && known[i] >= first_seen_[i])
                return true;
        return false;
    }
    void written()
    {
        first_seen_.fill(0);
        read();
    }
    void read()
    {
        auto& mine = first_seen_[rl::thread_index()];
        if (mine == 0)
            mine = rl::ctx().threadx_->own_acq_rel_order_;
    }

private:
    static std::size_t threads() { return static_cast<std::size_t>(rl::ctx().get_thread_count()); }

    std::array<rl::timestamp_t, kModelThreadsMax> first_seen_{}; ///< 0: that thread has not seen it
};

/// Lets other threads run first. Then this thread runs alone until the end of the scope.
class turn {
public:
    turn()
    {
        rl::ctx().sched();
        rl::ctx().disable_preemption();
    }
    ~turn() { rl::ctx().enable_preemption(); }
    turn(const turn&) = delete;
    turn& operator=(const turn&) = delete;
};

/// Replaces std::atomic under Relacy. At each operation the scheduler may let another thread run
/// first, and a load may find an older value if the orders allow it.
///
/// Relacy alone orders the stores to one object as its scheduler reaches them. In C++ two unordered
/// stores may take effect the other way round. Then the "later" store is overwritten at once and
/// lost. The queue's Q2 and Q3 forbid this, so it is modelled here: such a store is left out at
/// random. Without this, Relacy accepts a push whose exchange is not acquire or not release, and a
/// put-back that is relaxed. These orders serve only to order stores to a link. A read-modify-write
/// that is not acquire is modelled alike: it may find the value before the newest, and its own
/// value is overwritten at once.
///
/// A compare-exchange may fail by finding an old value, like a load.
///
/// Two effects are not modelled: a store overtaken by more than the newest store, and a load that
/// finds a value stored later (load buffering). Relacy has C++11's release sequences,
/// which a thread's own relaxed store continues. C++20's are shorter. Here each thread that reads
/// such a store had already read the head of the sequence.
template <class T>
class model_atomic {
public:
    // NOLINTNEXTLINE(google-explicit-constructor): std::atomic's is implicit, too.
    model_atomic(T initial)
        : value_(initial)
        , before_newest_(initial)
    {
        newest_.written();
    }

    // The last argument is the place of the call. A failure prints it in its history.
    T load(std::memory_order order,
        rl::debug_info from = {__builtin_FUNCTION(), __builtin_FILE(), __builtin_LINE()}) const
    {
        const turn alone;
        const T found = value_.load(mutated(operation::load, order, from), from);
        if (found == value_.debug_value())
            newest_.read();
        return found;
    }

    void store(T wanted, std::memory_order order,
        rl::debug_info from = {__builtin_FUNCTION(), __builtin_FILE(), __builtin_LINE()})
    {
        const turn alone;
        const rl::memory_order used = mutated(operation::store, order, from);
        if (!omitted(order, from))
            store_now(wanted, used, from);
    }

    T exchange(T wanted, std::memory_order order,
        rl::debug_info from = {__builtin_FUNCTION(), __builtin_FILE(), __builtin_LINE()})
    {
        const T found
            = modify(rl::rmw_type_t<rl::rmw_type_swap>(), wanted, operation::exchange, order, from);
        if (auto* const watcher = watcher_of_thread[rl::thread_index()])
            watcher->exchanged();
        return found;
    }

    T fetch_add(T more, std::memory_order order,
        rl::debug_info from = {__builtin_FUNCTION(), __builtin_FILE(), __builtin_LINE()})
    {
        const T found
            = modify(rl::rmw_type_t<rl::rmw_type_add>(), more, operation::fetch_add, order, from);
        if (auto* const watcher = watcher_of_thread[rl::thread_index()])
            watcher->added();
        return found;
    }

    T fetch_sub(T less, std::memory_order order,
        rl::debug_info from = {__builtin_FUNCTION(), __builtin_FILE(), __builtin_LINE()})
    {
        return modify(rl::rmw_type_t<rl::rmw_type_sub>(), less, operation::fetch_sub, order, from);
    }

    T fetch_and(T kept, std::memory_order order,
        rl::debug_info from = {__builtin_FUNCTION(), __builtin_FILE(), __builtin_LINE()})
    {
        return modify(rl::rmw_type_t<rl::rmw_type_and>(), kept, operation::fetch_and, order, from);
    }

    bool compare_exchange_strong(T& expected, T wanted, std::memory_order success,
        std::memory_order failure,
        rl::debug_info from = {__builtin_FUNCTION(), __builtin_FILE(), __builtin_LINE()})
    {
        auto* const watcher = watcher_of_thread[rl::thread_index()];
        if (watcher != nullptr)
            watcher->about_to_compare_exchange();
        bool done = false;
        {
            const turn alone;
            const rl::memory_order used = mutated(operation::compare_exchange, success, from);
            if (finds_old(expected, as_relacy(failure), from))
                return false;
            const T before = value_.debug_value();
            done = value_.compare_exchange_strong(
                expected, wanted, used, from, as_relacy(failure), from);
            if (done)
                modified(before);
            else
                newest_.read();
        }
        if (done && watcher != nullptr)
            watcher->compare_exchanged();
        return done;
    }

    /// The value that the kernel finds under its lock. This read orders nothing.
    [[nodiscard]] T newest() const { return value_.debug_value(); }

private:
    rl::memory_order mutated(
        operation what, std::memory_order order, const rl::debug_info& from) const
    {
        if (mutation_in_force->order == nullptr)
            return as_relacy(order);
        const std::memory_order used = mutation_in_force->order({what, order, from.func_, this});
        operations_mutated += used == order ? 0U : 1U;
        return as_relacy(used);
    }

    bool omitted(std::memory_order order, const rl::debug_info& from) const
    {
        const bool omitted = mutation_in_force->omits != nullptr
            && mutation_in_force->omits({operation::store, order, from.func_, this});
        operations_mutated += omitted ? 1U : 0U;
        return omitted;
    }

    void store_now(T wanted, rl::memory_order order, const rl::debug_info& from)
    {
        if (overtaken(from))
            return;
        before_newest_ = value_.debug_value();
        value_.store(wanted, order, from);
        newest_.written();
        newest_is_exchanged_ = false;
    }

    template <class How>
    T modify(How how, T by, operation what, std::memory_order order, const rl::debug_info& from)
    {
        const turn alone;
        const rl::memory_order used = mutated(what, order, from);
        const bool acquires
            = used == rl::mo_acquire || used == rl::mo_acq_rel || used == rl::mo_seq_cst;
        if (!acquires && overtaken(from))
            return before_newest_;
        const T before = value_.rmw(how, by, used, from);
        modified(before);
        return before;
    }

    void modified(T before)
    {
        before_newest_ = before;
        newest_.written();
        newest_is_exchanged_ = true;
    }

    bool finds_old(T& expected, rl::memory_order order, const rl::debug_info& from)
    {
        if (rl::rand(4) != 0)
            return false;
        const T found = value_.load(order, from);
        if (found == expected)
            return false;
        expected = found;
        return true;
    }

    bool overtaken(const rl::debug_info& from) const
    {
        // A read-modify-write stores its value directly after the value that it found.
        if (newest_is_exchanged_ || newest_.comes_before_this_thread())
            return false;
        ++stores_unordered;
        if (rl::rand(2) != 0)
            return false;
        if (rl::ctx().collecting_history())
            rl::ctx().exec_log_msg(from, "overtaken: nothing orders it behind the newest");
        return true;
    }

    rl::atomic<T> value_;
    mutable newest_value newest_;
    bool newest_is_exchanged_ = false;
    T before_newest_; ///< the previous value in the order of stores
};

} // namespace ngpoll::test
