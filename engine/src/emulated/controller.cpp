// SPDX-License-Identifier: MIT
#include "controller.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>
#include <utility>

#include <sys/mman.h>

#include <ngpoll/assert.hpp>
#include <ngpoll/command.hpp>

#include "../clock.hpp"
#include "../error.hpp"

namespace ngpoll::emulated {

namespace {

// Status fields (NVM Express Base Specification 2.0, figures 94 and 97; SCT in bits 8-10). Errors
// that a retry would not change carry "do not retry".
constexpr std::uint16_t kDoNotRetry = 0x4000;
constexpr std::uint16_t kSuccess = 0x0000;
constexpr std::uint16_t kInvalidOpcode = 0x0001 | kDoNotRetry;
constexpr std::uint16_t kInvalidField = 0x0002 | kDoNotRetry;
constexpr std::uint16_t kInternalError = 0x0006;
constexpr std::uint16_t kInvalidNamespace = 0x000b | kDoNotRetry;
constexpr std::uint16_t kDataLengthInvalid = 0x000f | kDoNotRetry;
constexpr std::uint16_t kLbaOutOfRange = 0x0080 | kDoNotRetry;
constexpr std::uint16_t kUnrecoveredReadError = 0x0281;

/// Stands for every namespace of the controller, where a command allows it.
constexpr std::uint32_t kBroadcastNamespaceId = 0xffffffff;

} // namespace

controller::controller(const settings& settings)
    : settings_(settings)
{
    void* table = ::mmap(nullptr, table_bytes(), PROT_READ | PROT_WRITE,
        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (table == MAP_FAILED)
        detail::fail(errno, "no memory for the emulated drive's page table; give a smaller size=");
    pages_ = static_cast<page**>(table);
}

controller::~controller()
{
    // relaxed: no other thread is left.
    page* each = allocated_.load(std::memory_order_relaxed);
    while (each != nullptr)
        delete std::exchange(each, each->allocated_before);
    ::munmap(pages_, table_bytes());
}

std::size_t controller::table_bytes() const noexcept
{
    return (settings_.size_bytes + kPageBytes - 1) / kPageBytes * sizeof(page*);
}

void controller::service(queue_pair& queue) noexcept
{
    NGPOLL_DEBUG_ASSERT(queue.submission_doorbell < queue.entries(), "doorbell beyond the queue");
    while (queue.submission_head_ != queue.submission_doorbell) {
        const submission_entry& command = queue.submissions[queue.submission_head_];
        const std::uint16_t status = execute(command);
        queue.submission_head_ = queue.after(queue.submission_head_);
        complete(queue,
            {.dw0 = 0,
                .dw1 = 0,
                .sq_head = static_cast<std::uint16_t>(queue.submission_head_),
                .sq_id = 1,
                .cid = command.cid,
                .status_and_phase = static_cast<std::uint16_t>(status << 1U)});
    }
    if (queue.delayed_count_ != 0)
        post_due(queue);
}

std::uint64_t controller::latency_of_next(queue_pair& queue) const noexcept
{
    const std::uint64_t range = settings_.latency_ns_max - settings_.latency_ns;
    return settings_.latency_ns + (range == 0 ? 0 : queue.chance_() % (range + 1));
}

void controller::complete(queue_pair& queue, const completion_entry& entry) noexcept
{
    if (settings_.latency_ns_max == 0) {
        post(queue, entry);
        return;
    }
    NGPOLL_DEBUG_ASSERT(queue.delayed_count_ < queue.entries(), "more commands than entries");
    const std::uint64_t due_ns = detail::now_ns() + latency_of_next(queue);
    // The place after all completions that are due earlier. If all take equally long, that is the
    // end.
    std::uint32_t at = (queue.delayed_head_ + queue.delayed_count_) % queue.entries();
    for (std::uint32_t behind = queue.delayed_count_; behind != 0; --behind) {
        const std::uint32_t before = (at == 0 ? queue.entries() : at) - 1;
        if (queue.delayed_[before].due_ns <= due_ns)
            break;
        queue.delayed_[at] = queue.delayed_[before];
        at = before;
    }
    queue.delayed_[at] = {.due_ns = due_ns, .entry = entry};
    ++queue.delayed_count_;
}

void controller::post_due(queue_pair& queue) noexcept
{
    const std::uint64_t now = detail::now_ns();
    while (queue.delayed_count_ != 0 && queue.delayed_[queue.delayed_head_].due_ns <= now) {
        post(queue, queue.delayed_[queue.delayed_head_].entry);
        queue.delayed_head_ = queue.after(queue.delayed_head_);
        --queue.delayed_count_;
    }
}

void controller::post(queue_pair& queue, completion_entry entry) noexcept
{
    // The host never has more commands in flight than the queue holds completions.
    NGPOLL_DEBUG_ASSERT(queue.after(queue.completion_tail_) != queue.completion_doorbell,
        "the emulated completion queue is full");
    entry.status_and_phase = static_cast<std::uint16_t>(entry.status_and_phase | queue.phase_);
    queue.completions[queue.completion_tail_] = entry;
    queue.completion_tail_ = queue.after(queue.completion_tail_);
    if (queue.completion_tail_ == 0)
        queue.phase_ ^= 1U;
}

std::uint16_t controller::execute(const submission_entry& command) noexcept
{
    const bool to_all = command.nsid == kBroadcastNamespaceId
        && static_cast<opcode>(command.opcode) == opcode::flush;
    if (command.nsid != kNamespaceId && !to_all)
        return kInvalidNamespace;
    if (command.flags != 0)
        return kInvalidField; // no fused commands, no metadata SGL
    switch (static_cast<opcode>(command.opcode)) {
    case opcode::flush: return kSuccess; // there is no volatile cache
    case opcode::read:
    case opcode::write: return transfer(command);
    case opcode::write_zeroes:
        return zero(command.slba, (command.cdw12 & 0xffffU) + 1ULL) ? kSuccess : kLbaOutOfRange;
    case opcode::dataset_management: return manage_dataset(command);
    }
    return kInvalidOpcode;
}

std::uint16_t controller::manage_dataset(const submission_entry& command) noexcept
{
    const std::uint64_t ranges = (command.slba & 0xffU) + 1;
    if (command.data_bytes < ranges * sizeof(dataset_range))
        return kDataLengthInvalid;
    constexpr std::uint64_t kDeallocate = std::uint64_t{1} << 34U;
    if ((command.slba & kDeallocate) == 0)
        return kSuccess; // all other attributes are hints
    for (std::uint64_t i = 0; i < ranges; ++i) {
        dataset_range range;
        std::memcpy(&range, reinterpret_cast<const std::byte*>(command.data) + i * sizeof range,
            sizeof range);
        if (range.blocks != 0 && !zero(range.slba, range.blocks))
            return kLbaOutOfRange;
    }
    return kSuccess;
}

bool controller::zero(std::uint64_t slba, std::uint64_t blocks) noexcept
{
    if (slba >= capacity_blocks() || blocks > capacity_blocks() - slba)
        return false;
    std::uint64_t offset = slba * settings_.lba_bytes;
    for (std::uint64_t bytes = blocks * settings_.lba_bytes; bytes != 0;) {
        const std::size_t within = offset % kPageBytes;
        const std::size_t part = std::min<std::uint64_t>(bytes, kPageBytes - within);
        // acquire: as in read().
        page* const to
            = std::atomic_ref(pages_[offset / kPageBytes]).load(std::memory_order_acquire);
        if (to != nullptr)
            std::memset(to->data + within, 0, part);
        offset += part;
        bytes -= part;
    }
    return true;
}

std::uint16_t controller::transfer(const submission_entry& command) noexcept
{
    const std::uint64_t blocks = (command.cdw12 & 0xffffU) + 1ULL;
    const std::uint64_t bytes = blocks * settings_.lba_bytes;
    if (bytes > kTransferBytesMax || command.metadata != 0)
        return kInvalidField;
    if (command.slba >= capacity_blocks() || blocks > capacity_blocks() - command.slba)
        return kLbaOutOfRange;
    if (command.data_bytes != bytes)
        return kDataLengthInvalid;
    const std::uint64_t offset = command.slba * settings_.lba_bytes;
    auto* const memory = reinterpret_cast<std::byte*>(command.data);
    if (static_cast<opcode>(command.opcode) == opcode::write)
        return write(offset, memory, bytes) ? kSuccess : kInternalError;
    if (command.slba <= settings_.unreadable_last
        && command.slba + blocks > settings_.unreadable_first)
        return kUnrecoveredReadError;
    read(offset, memory, bytes);
    return kSuccess;
}

void controller::read(std::uint64_t offset, std::byte* into, std::size_t bytes) const noexcept
{
    while (bytes != 0) {
        const std::size_t within = offset % kPageBytes;
        const std::size_t part = std::min(bytes, kPageBytes - within);
        // acquire: the page's zeros; pairs with the compare-exchange in page_for_writing().
        const page* from
            = std::atomic_ref(pages_[offset / kPageBytes]).load(std::memory_order_acquire);
        if (from != nullptr)
            std::memcpy(into, from->data + within, part);
        else
            std::memset(into, 0, part);
        into += part;
        offset += part;
        bytes -= part;
    }
}

bool controller::write(std::uint64_t offset, const std::byte* from, std::size_t bytes) noexcept
{
    while (bytes != 0) {
        const std::size_t within = offset % kPageBytes;
        const std::size_t part = std::min(bytes, kPageBytes - within);
        std::byte* to = page_for_writing(offset / kPageBytes);
        if (to == nullptr)
            return false;
        std::memcpy(to + within, from, part);
        from += part;
        offset += part;
        bytes -= part;
    }
    return true;
}

std::byte* controller::page_for_writing(std::uint64_t index) noexcept
{
    std::atomic_ref<page*> slot(pages_[index]);
    // acquire: as in read().
    if (page* there = slot.load(std::memory_order_acquire); there != nullptr)
        return there->data;
    page* const fresh = new (std::nothrow) page{}; // zeros
    if (fresh == nullptr)
        return nullptr;
    page* found = nullptr;
    // release: publishes the zeros; acquire on failure: reads the zeros of another queue's page.
    if (!slot.compare_exchange_strong(
            found, fresh, std::memory_order_release, std::memory_order_acquire)) {
        delete fresh;
        return found->data;
    }
    // relaxed: only the destructor walks this push-only list, so nothing is read through it and
    // there is no ABA.
    fresh->allocated_before = allocated_.load(std::memory_order_relaxed);
    while (!allocated_.compare_exchange_weak(fresh->allocated_before, fresh,
        std::memory_order_relaxed, std::memory_order_relaxed)) { // relaxed: as above
    }
    return fresh->data;
}

} // namespace ngpoll::emulated
