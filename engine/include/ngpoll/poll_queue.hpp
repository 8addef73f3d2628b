// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <ngpoll/mpsc_queue.hpp>
#include <ngpoll/nvme_namespace.hpp>
#include <ngpoll/poller_role.hpp>
#include <ngpoll/request.hpp>

namespace ngpoll {

class backend;
class resident_poller;
class ring;
struct ring_stats;
class transport;

/// How completions are found.
enum class poll_mode : std::uint8_t {
    polled, ///< by polling the drive's completion queue
    hybrid, ///< the kernel sleeps for part of the expected time, then polls (Linux 6.13)
    interrupt, ///< the drive interrupts
};

[[nodiscard]] const char* to_string(poll_mode mode) noexcept;

/// Who polls a shared queue. bench/README.md has the figures that chose the default.
enum class role_policy : std::uint8_t {
    /// On a drive, polled, where this process may use two processors or more: resident. Else lease.
    automatic,
    /// A ring in wait() or poll(). When it returns it keeps the role and may go on at once. If its
    /// thread turns to something else instead, rings that wait find out after 0.5 to 8 ms.
    lease,
    /// A ring in wait() or poll(). When it returns it gives the role up and wakes one that waits:
    /// each return costs a wake-up, and no ring waits for another's thread.
    give_up,
    /// A thread of the queue's own. It polls as long as anything is in flight, and sleeps 100 us
    /// after the last: a processor for it pays, and what the rings' threads do holds nobody up. It
    /// has the processors and the priority of the thread that makes the queue, and takes no
    /// signals. Rings never poll then: all their completions are deferred.
    resident,
};

[[nodiscard]] const char* to_string(role_policy policy) noexcept;
/// The policy of that name, or of "auto"; nothing where there is none.
[[nodiscard]] std::optional<role_policy> role_policy_named(std::string_view name) noexcept;

/// How a poll queue was set up after all: what was asked for and what the kernel accepted.
struct poll_queue_report {
    poll_mode mode = poll_mode::polled;
    std::uint32_t depth = 0; ///< requests in flight at once: what a depth of 0 became
    std::string transport; ///< "io_uring" or "emulated"
    std::vector<std::string> flags; ///< set-up flags in force, as the kernel's header names them
    std::vector<std::string> declined; ///< asked for and not to be had, each with its reason
};

/// One polled source of completions. Holds one transport: a kernel ring, or an emulated queue pair.
///
/// Made on any thread. With `rings_max` 1 it belongs to the first ring's thread from then on, and
/// costs nothing for being shareable; with more, rings on other threads share it: one polls at a
/// time, a thread of the queue's own or one of them, and hands the others their completions; those
/// that wait meanwhile sleep. It must outlive its rings and buffer pools.
///
/// Invariant: requests submitted and not finished, over all rings, <= depth.
class poll_queue {
public:
    struct options {
        /// Requests in flight at once, over all rings; 0: 128, or what is left. At most 32,768.
        ///
        /// Polled queues of one process on one controller have together no more than one hardware
        /// queue has tags (namespace_info::queue_depth_max); with queues on several of its
        /// namespaces, each namespace has an equal part. By interrupt any depth will do. Other
        /// processes are not counted: where they take tags too, use registered buffers.
        std::uint32_t depth = 0;
        /// Rings that may be attached at the same time.
        std::uint32_t rings_max = 1;
        poll_mode mode = poll_mode::polled;
        role_policy role = role_policy::automatic;
        /// Register the device's descriptor and each thread's ring descriptor with the kernel.
        bool registered_file = true;
        bool registered_ring = true;
        /// The hardware queue that this one is for, hardware_poll_queue::index. Its tags then count
        /// apart from those of other hardware queues. Each thread that sends must be pinned to that
        /// queue's processors before its ring is made, and stay there: the thread that makes a
        /// queue with a resident poller, or without one each ring's thread. It has no effect by
        /// interrupt.
        std::optional<std::uint32_t> hardware_queue = std::nullopt;
        /// Do what is refused because the running kernel may crash on it: a second polled queue on
        /// one drive, up to Linux 6.4, and later where the drive has an I/O scheduler (6.12 and 7.3
        /// oops); and polling a drive that is not on PCIe (6.12 and 7.3 oops within seconds over
        /// TCP).
        bool force = false;
    };

    /// Throws std::system_error:
    /// - EINVAL: a depth the drive or the ring cannot hold, hybrid polling with `rings_max` above
    ///   1, a hardware_queue that the drive does not have, or a resident's maker outside of it;
    /// - EBUSY: the polled queues of this process would exceed the drive's tags; all emulated
    ///   queue pairs are taken; or another polled queue is on this drive, and the running kernel
    ///   may crash on two (see force);
    /// - EPERM: io_uring is switched off;
    /// - ENOSYS: the kernel has no io_uring or no NVMe passthrough;
    /// - ENOMEM, EMFILE, ENFILE, EAGAIN: no memory, no descriptor, no thread.
    /// A mode the drive or the kernel does not have is not an error: report() says what is used
    /// instead, and why.
    poll_queue(const nvme_namespace& device, options how);
    explicit poll_queue(const nvme_namespace& device)
        : poll_queue(device, options{})
    {
    }
    /// A ring that is still attached stops the program.
    ~poll_queue();
    poll_queue(const poll_queue&) = delete;
    poll_queue& operator=(const poll_queue&) = delete;

    [[nodiscard]] const poll_queue_report& report() const noexcept;
    [[nodiscard]] std::uint32_t depth() const noexcept { return options_.depth; }
    /// Whether rings hand each other their completions: several may attach, or a resident polls.
    [[nodiscard]] bool shared() const noexcept { return options_.rings_max > 1 || has_resident(); }
    /// Who polls, never `automatic`; lease for a queue that is not shared.
    [[nodiscard]] role_policy role() const noexcept { return options_.role; }
    /// What the resident poller did; nothing without one. Any thread.
    [[nodiscard]] ring_stats resident_stats() const noexcept;

private:
    friend class ring;
    friend class resident_poller;
    friend class completion_batch;
    friend class buffer_pool;
    friend struct testing_access; ///< puts a transport of its own underneath

    poll_queue(std::unique_ptr<transport> made, options how);

    using taking = poller_role<>::taking;

    [[nodiscard]] bool has_resident() const noexcept
    {
        return options_.role == role_policy::resident;
    }
    [[nodiscard]] bool try_become_poller(const ring& who, taking how) noexcept;
    /// `who` returns to its caller: leases the role or gives it up, as the options say.
    void end_polling(ring& who) noexcept;
    /// Ends the pass: the role is `who`'s from now on, and may be taken from it.
    void lease_poller(const ring& who) noexcept;
    // What these five return is how many they woke: the caller's ring counts it.
    /// The role is nobody's: wakes one of the rings that have armed, and so wait for I/O, if any.
    std::uint32_t wake_successor() noexcept;
    /// The same after lease_poller(): wakes the heir, should it have fallen asleep before it saw
    /// the lease. It may be gone by now.
    std::uint32_t wake_heir(const ring& heir) noexcept;
    /// The poller's: wakes the rings of that list.
    static std::uint32_t wake_listed(ring* next) noexcept;
    std::uint32_t give_up_poller() noexcept;
    /// The poller's answer to a claim: gives the role up, and returns when the claim is served.
    std::uint32_t step_aside() noexcept;
    /// Asks the poller to step aside, and returns with the role.
    void claim_role(const ring& who) noexcept;
    /// The poller's: how many commands the next pass may send.
    [[nodiscard]] std::uint32_t room_at_drive() const noexcept;
    /// Returns once the pass that was under way has ended.
    void wait_for_pass_end() const noexcept;
    /// Whether there is anything to send or to find. The poller's.
    [[nodiscard]] bool has_work() const noexcept;
    void warn_if_unpolled(std::uint64_t since_ns) noexcept;
    /// Returns what `depth` became.
    std::uint32_t attach(ring& joining, std::uint32_t depth);
    /// `joined` can be used: a queue that is not shared is its thread's from now on.
    void bind(const ring& joined) noexcept;
    void detach(ring& leaving, std::uint32_t depth) noexcept;

    options options_;
    std::shared_ptr<backend> device_; ///< outlives the transport
    std::shared_ptr<transport> transport_; ///< pools look at it to see whether the queue is gone

    std::mutex attach_mutex_; ///< for rings that join and leave, and who looks for a sleeping one
    std::vector<ring*> rings_; ///< attached
    std::uint32_t depth_attached_ = 0;
    unsigned process_ = 0; ///< which process made it; see detail::process_generation
    std::uintptr_t first_thread_ = 0; ///< of a queue that is not shared: that of its first ring

    // Shared queues only. The submission queue's tail is written by every submitter, its cursor by
    // whoever is the poller.
    mpsc_queue<> submissions_;
    mpsc_queue<>::cursor submissions_at_{submissions_};
    const ring* last_poller_ = nullptr; ///< written by the poller; compared, never looked into
    ring* wake_late_ = nullptr; ///< the poller's: woken at the end of the next pass that found any
    bool found_nothing_ = false; ///< the poller's: the last pass, and so `wake_late_` waits no more
    std::int64_t unpolled_ns_max_ = 20'000'000'000; ///< then it warns, the driver's limit is 30 s
    bool warned_ = false; ///< the poller's
    poller_role<> role_;
    /// The poller's: what its last passes found, about so many; each one weighs less than the next.
    static constexpr std::uint32_t kLately = 64;
    std::uint32_t found_lately_ = 0;
    /// Rings that were woken and have not run since.
    alignas(64) std::atomic<std::int32_t> waking_{0};
    std::unique_ptr<resident_poller> resident_; ///< set by the constructor
};

} // namespace ngpoll
