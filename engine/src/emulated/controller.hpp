// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

#include "settings.hpp"

namespace ngpoll::emulated {

/// A submission queue entry (NVM Express Base Specification 2.0, figure 86). Its data pointer is an
/// SGL data block descriptor (figure 99) to memory of this process.
struct submission_entry {
    std::uint8_t opcode;
    std::uint8_t flags; ///< FUSE and PSDT
    std::uint16_t cid;
    std::uint32_t nsid;
    std::uint32_t cdw2;
    std::uint32_t cdw3;
    std::uint64_t metadata;
    std::uint64_t data;
    std::uint32_t data_bytes;
    std::uint32_t sgl_type;
    std::uint64_t slba;
    std::uint32_t cdw12;
    std::uint32_t cdw13;
    std::uint32_t cdw14;
    std::uint32_t cdw15;
};
static_assert(sizeof(submission_entry) == 64);

/// A completion queue entry (figure 88).
struct completion_entry {
    std::uint32_t dw0;
    std::uint32_t dw1;
    std::uint16_t sq_head;
    std::uint16_t sq_id;
    std::uint16_t cid;
    std::uint16_t status_and_phase; ///< bit 0: phase; above it the status field
};
static_assert(sizeof(completion_entry) == 16);

/// A submission and a completion queue with their doorbells. Both sides run on the poller's thread:
/// the host writes entries and doorbells, and controller::service() is the device.
///
/// Full and empty differ as in the specification: one entry always stays free, so a pair of
/// `entries` holds entries - 1 commands.
class queue_pair {
public:
    explicit queue_pair(std::uint32_t entries)
        : submissions(entries)
        , completions(entries)
        , delayed_(entries)
    {
    }

    [[nodiscard]] std::uint32_t entries() const noexcept
    {
        return static_cast<std::uint32_t>(submissions.size());
    }
    [[nodiscard]] std::uint32_t after(std::uint32_t index) const noexcept
    {
        return index + 1 == entries() ? 0 : index + 1;
    }

    std::vector<submission_entry> submissions;
    std::vector<completion_entry> completions;
    std::uint32_t submission_doorbell = 0; ///< the host's tail
    std::uint32_t completion_doorbell = 0; ///< the host's head

private:
    friend class controller;

    struct delayed_completion {
        std::uint64_t due_ns;
        completion_entry entry;
    };

    std::uint32_t submission_head_ = 0;
    std::uint32_t completion_tail_ = 0;
    std::uint16_t phase_ = 1; ///< of entries that are written in this round of the completion queue
    std::vector<delayed_completion> delayed_; ///< a ring, in order of due_ns
    std::uint32_t delayed_head_ = 0;
    std::uint32_t delayed_count_ = 0;
    std::minstd_rand chance_; ///< draws the latencies; equal in every run
};

/// A model of an NVMe controller with one namespace whose data is in memory. A command runs when
/// its doorbell is seen; its completion appears after its latency. The controller has no thread of
/// its own: time passes in service().
///
/// service() may run on several threads at once, on different queue pairs. Commands on overlapping
/// blocks that are in flight together have no order between them, as on a real drive.
class controller {
public:
    static constexpr std::uint32_t kNamespaceId = 1;
    static constexpr std::uint32_t kTransferBytesMax = 512 * 1024;
    /// Most entries of a queue: MQES is a 16-bit field, zero-based.
    static constexpr std::uint32_t kQueueEntriesMax = 65536;

    /// Throws std::system_error (ENOMEM).
    explicit controller(const settings& settings);
    ~controller();
    controller(const controller&) = delete;
    controller& operator=(const controller&) = delete;

    /// Fetches the commands that the submission doorbell announces, runs them, and posts the
    /// completions that are due.
    void service(queue_pair& queue) noexcept;

    /// The namespace's size in logical blocks.
    [[nodiscard]] std::uint64_t capacity_blocks() const noexcept
    {
        return settings_.size_bytes / settings_.lba_bytes;
    }

private:
    /// Data pages appear when written; blocks never written read as zeros.
    static constexpr std::size_t kPageBytes = 4096;

    [[nodiscard]] std::uint16_t execute(const submission_entry& command) noexcept;
    [[nodiscard]] std::uint16_t transfer(const submission_entry& command) noexcept;
    [[nodiscard]] std::uint16_t manage_dataset(const submission_entry& command) noexcept;
    /// Returns false where there are no such blocks.
    [[nodiscard]] bool zero(std::uint64_t slba, std::uint64_t blocks) noexcept;
    void read(std::uint64_t offset, std::byte* into, std::size_t bytes) const noexcept;
    [[nodiscard]] bool write(
        std::uint64_t offset, const std::byte* from, std::size_t bytes) noexcept;
    [[nodiscard]] std::byte* page_for_writing(std::uint64_t index) noexcept;
    [[nodiscard]] std::size_t table_bytes() const noexcept;
    void complete(queue_pair& queue, const completion_entry& entry) noexcept;
    void post(queue_pair& queue, completion_entry entry) noexcept;
    [[nodiscard]] std::uint64_t latency_of_next(queue_pair& queue) const noexcept;
    void post_due(queue_pair& queue) noexcept;

    settings settings_;
    struct page {
        page* allocated_before;
        alignas(64) std::byte data[kPageBytes];
    };

    /// One pointer for each page, in memory that is zero until touched. Written by
    /// compare-exchange.
    page** pages_;
    std::atomic<page*> allocated_{nullptr}; ///< the newest page; pages are only ever pushed
};

} // namespace ngpoll::emulated
