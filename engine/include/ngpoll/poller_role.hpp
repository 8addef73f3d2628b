// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstdint>

namespace ngpoll {

/// Which of the rings on a shared poll queue polls it: one at a time, and nobody touches what the
/// role protects (the transport, the submission queue's cursor) without it.
///
/// The role is nobody's, leased by a ring, or that ring's for a pass. The first two can be taken by
/// compare-exchange; nobody takes it out of a pass, however long that thread is off its processor.
/// A lease is what a ring keeps when it turns to other work: back soon, it goes on at once; idle
/// for `kLeaseNs`, it is anybody's.
///
/// Who may call what: try_take(), end_lease(), held_by_another(), the claims and the looks at
/// passes are anybody's; lease(), give_up() and end_pass() the holder's, in its pass.
///
///   R1  lease(), give_up() (release) -> try_take() (acquire): what the role protects.
///   R2  end_pass() (release) -> wait for it (acquire): the pass's last touch of other rings.
///   R3  give_up(), end_lease() and lease() to another, then a look for sleepers (sleeper::armed)
///       <-> sleeper::arm() or disarm(), then held_by_another(): all seq_cst, so one of the two
///       sees the other. disarm(), because a ring that was woken to poll may leave instead: it then
///       has to wake another.
///
/// `Atomic` is std::atomic, or a model checker's replacement with the same members.
template <template <class> class Atomic = std::atomic>
class poller_role {
public:
    /// A ring, or a thread: any address that is even, unique and not null. Never looked into.
    using tag = std::uintptr_t;

    /// From whom the role may be taken besides nobody and oneself.
    enum class taking : std::uint8_t { nobody, from_idle, from_any };

    /// How long a ring that stopped polling keeps the role from the others.
    static constexpr std::int64_t kLeaseNs = 100'000;

    poller_role() noexcept = default;
    poller_role(const poller_role&) = delete;
    poller_role& operator=(const poller_role&) = delete;

    /// Begins a pass of `who`, on `thread`. A thread does not wait for itself: its rings take the
    /// role from each other.
    [[nodiscard]] bool try_take(tag who, tag thread, taking how, std::uint64_t (*now_ns)()) noexcept
    {
        // acquire: `leased_since_ns_` and `leased_thread_` of this lease (R1).
        tag found = role_.load(std::memory_order_acquire);
        if ((found & kInPass) != 0)
            return false;
        // relaxed: ordered by the load of role_.
        if (found != 0 && found != who && how != taking::from_any
            && leased_thread_.load(std::memory_order_relaxed) != thread) {
            if (how == taking::nobody)
                return false;
            // Signed: the lease may be renewed after the clock was read.
            if (static_cast<std::int64_t>(now_ns() - leased_since_ns()) < kLeaseNs)
                return false;
        }
        // acquire: what the last poller left (R1). relaxed on failure: nothing is touched then.
        return role_.compare_exchange_strong(
            found, who | kInPass, std::memory_order_acquire, std::memory_order_relaxed);
    }

    /// Ends the pass; the role is `who`'s from now on.
    void lease(tag who, tag thread, std::uint64_t now_ns) noexcept
    {
        // relaxed, both: published by the store to role_ (R1).
        leased_since_ns_.store(now_ns, std::memory_order_relaxed);
        leased_thread_.store(thread, std::memory_order_relaxed);
        // seq_cst: release for R1, and who leases it to another looks afterwards whether that one
        // sleeps (R3).
        role_.store(who, std::memory_order_seq_cst);
    }

    /// Ends the pass; the role is nobody's. Look for sleepers afterwards.
    void give_up(std::uint64_t now_ns) noexcept
    {
        leased_since_ns_.store(now_ns, std::memory_order_relaxed); // relaxed: as in lease()
        // seq_cst: release for R1, and the look for sleepers must not be moved before it (R3).
        role_.store(0, std::memory_order_seq_cst);
    }

    /// Gives a lease back, if `who` has it. Look for sleepers afterwards if this says so.
    bool end_lease(tag who) noexcept
    {
        // seq_cst: hands on what the ring that leased it to `who` left (R1), and the look for
        // sleepers must not be moved before it (R3). relaxed on failure: nothing is touched then.
        return role_.compare_exchange_strong(
            who, 0, std::memory_order_seq_cst, std::memory_order_relaxed);
    }

    /// Whether the role is neither nobody's nor `who`'s, to whom it may have been handed just now.
    [[nodiscard]] bool held_by_another(tag who) const noexcept
    {
        // seq_cst: a ring that has armed must not have this look moved before that (R3).
        const tag role = role_.load(std::memory_order_seq_cst);
        return role != 0 && role != who;
    }

    /// When the last pass ended, once the role was given up or leased after it.
    [[nodiscard]] std::uint64_t leased_since_ns() const noexcept
    {
        return leased_since_ns_.load(std::memory_order_relaxed); // relaxed: ordered by role_
    }

    /// The holder's: a pass ends and the next one begins.
    void end_pass() noexcept
    {
        // relaxed load: the holder alone writes it. release: R2.
        passes_ended_.store(
            passes_ended_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
    }

    /// The pass that is under way: over once this has another value, or is kNoPass.
    static constexpr std::uint64_t kNoPass = ~std::uint64_t{0};
    [[nodiscard]] std::uint64_t pass_under_way() const noexcept
    {
        // acquire, both: what the poller did to the caller's ring (R2, and R1 where it ended so).
        // The count first: read after the role, it could be that of a pass begun since.
        const std::uint64_t ended = passes_ended_.load(std::memory_order_acquire);
        return (role_.load(std::memory_order_acquire) & kInPass) != 0 ? ended : kNoPass;
    }

    /// A ring that must have the role says so, and the holder steps aside.
    void claim() noexcept
    {
        // relaxed: a request to hurry; the role itself orders everything.
        claims_.fetch_add(1, std::memory_order_relaxed);
    }
    void end_claim() noexcept
    {
        claims_.fetch_sub(1, std::memory_order_relaxed); // relaxed: as in claim()
    }
    [[nodiscard]] bool claimed() const noexcept
    {
        return claims_.load(std::memory_order_relaxed) != 0; // relaxed: as in claim()
    }

private:
    static constexpr tag kInPass = 1;

    /// Nobody's (0), leased by a ring (its tag), or that ring's for a pass (its tag and kInPass).
    alignas(64) Atomic<tag> role_{0};
    Atomic<std::uint64_t> leased_since_ns_{0}; ///< by the holder, before it leases or gives up
    Atomic<tag> leased_thread_{0}; ///< the same: whose rings take the lease at once
    Atomic<std::uint64_t> passes_ended_{0}; ///< by the holder
    alignas(64) Atomic<std::uint32_t> claims_{0}; ///< rings that wait for the role to close
};

} // namespace ngpoll
