// SPDX-License-Identifier: MIT
#include "worker.hpp"

#include <algorithm>
#include <utility>

#include <ngpoll/processors.hpp>

namespace ngpoll::cli {

namespace {

constexpr std::uint32_t kBatch = 32; ///< completions to wait for, and I/Os per submission
constexpr std::uint32_t kFua = 1U << 30U; ///< in dword 12: completes once the medium has the data

std::byte* data_of(const request& r) noexcept
{
    return reinterpret_cast<std::byte*>(static_cast<std::uintptr_t>(r.cmd.data));
}

} // namespace

verify_worker::verify_worker(const setting& from)
    : from_(from)
    , phase_(from.phase)
    , blocks_per_io_(from.phase.range.block_bytes / from.phase.range.lba_bytes)
    , stamper_(from.phase.range.run, from.phase.range.lba_bytes)
    , order_({.positions = from.phase.range.positions,
          .index = from.index,
          .count = from.phase.threads,
          .random = from.phase.random})
    , thread_([this] { run(); })
{
}

verify_worker::~verify_worker()
{
    stop();
    join();
}

void verify_worker::join()
{
    if (thread_.joinable())
        thread_.join();
}

void verify_worker::run() noexcept
{
    try {
        go_over_slice();
    } catch (...) {
        failure_ = std::current_exception();
        is_failed_.store(true, std::memory_order_relaxed); // relaxed: join() orders failure_
    }
    from_.ended();
}

void verify_worker::go_over_slice()
{
    const auto depth
        = static_cast<std::uint32_t>(std::min<std::uint64_t>(phase_.depth, order_.length()));
    if (depth == 0)
        return;
    if (!from_.cpus.empty())
        pin_this_thread(from_.cpus); // before memory is touched, so that the memory is near
    const buffer_pool buffers(from_.queue,
        {.count = depth, .buffer_bytes = blocks_per_io_ * phase_.device.block_bytes()});
    std::vector<request> requests(depth);
    completed_.reserve(depth);
    // The last local, so that it is destroyed first: its destructor waits for what is in flight.
    ring own(
        from_.queue, ring::options{.depth = depth, .submit_batch_max = std::min(kBatch, depth)});
    ring_ = &own;
    for (std::uint32_t i = 0; i < depth; ++i) {
        requests[i].set_buffer(buffers.at(i));
        requests[i].context = this;
        requests[i].on_complete = finished;
        send_next(requests[i]);
    }
    while (own.outstanding() != 0) {
        own.wait(kBatch);
        acknowledge();
    }
    if (failed_in_callback_)
        std::rethrow_exception(failed_in_callback_);
}

void verify_worker::finished(request& r) noexcept
{
    auto& self = *static_cast<verify_worker*>(r.context);
    try {
        if (self.phase_.writes())
            self.note_write(r);
        else
            self.note_read(r);
        self.send_next(r);
    } catch (...) { // no memory for a finding
        self.failed_in_callback_ = std::current_exception();
        self.stop();
    }
}

void verify_worker::send_next(request& r)
{
    if (stop_.load(std::memory_order_relaxed)) // relaxed: it may be seen late
        return;
    std::optional<std::uint64_t> position = order_.next();
    // A position without an acknowledged write need not hold anything.
    while (position && !phase_.writes() && phase_.is_state_known
        && phase_.state.generations[*position] == 0)
        position = order_.next();
    if (!position)
        return;
    const std::uint64_t lba = lba_of(*position);
    const std::uint64_t data = r.cmd.data;
    const std::uint32_t data_bytes = r.cmd.data_bytes;
    r.cmd = phase_.writes() ? write_command(phase_.device.nsid, lba, blocks_per_io_)
                            : read_command(phase_.device.nsid, lba, blocks_per_io_);
    r.cmd.data = data;
    r.cmd.data_bytes = data_bytes;
    if (phase_.writes()) {
        stamp_buffer(data_of(r), lba);
        if (phase_.fua)
            r.cmd.cdw12 |= kFua;
    }
    NGPOLL_ASSERT(ring_->submit(r), "a ring of this depth refused its own depth");
}

void verify_worker::stamp_buffer(std::byte* data, std::uint64_t lba) const noexcept
{
    for (std::uint32_t i = 0; i < blocks_per_io_; ++i)
        stamper_.write(
            data + std::size_t{i} * phase_.device.block_bytes(), lba + i, phase_.generation);
}

void verify_worker::note_write(const request& r)
{
    if (r.status.ok())
        completed_.push_back({position_of(r.cmd.slba), phase_.generation});
    else
        phase_.found.add({.what = finding::kind::unwritten,
            .lba = r.cmd.slba,
            .blocks = blocks_per_io_,
            .text = r.status.text()});
}

void verify_worker::note_read(const request& r)
{
    count_done(1);
    if (!r.status.ok()) {
        ++wrong_;
        return phase_.found.add({.what = finding::kind::unreadable,
            .lba = r.cmd.slba,
            .blocks = blocks_per_io_,
            .text = r.status.text()});
    }
    expectation expected{.lba = r.cmd.slba};
    if (phase_.is_state_known) {
        expected.run = phase_.range.run;
        expected.generation_min = phase_.state.generations[position_of(r.cmd.slba)];
        expected.generation_max = phase_.state.generation_max;
    }
    const std::byte* block = data_of(r);
    bool is_wrong = false;
    for (std::uint32_t i = 0; i < blocks_per_io_; ++i) {
        finding found;
        const stamper::verdict verdict = stamper_.read(block, expected, found);
        unstamped_ += verdict == stamper::verdict::unstamped ? 1 : 0;
        if (verdict == stamper::verdict::wrong) {
            is_wrong = true;
            phase_.found.add(std::move(found));
        }
        block += phase_.device.block_bytes();
        ++expected.lba;
    }
    wrong_ += is_wrong ? 1 : 0;
}

/// The writes count only from here on: their records are now in the state file.
void verify_worker::acknowledge()
{
    if (completed_.empty())
        return;
    try {
        if (phase_.file != nullptr)
            phase_.file->append(completed_);
    } catch (...) {
        stop(); // else the requests in flight would be sent again
        throw;
    }
    for (const acknowledged_write& each : completed_)
        phase_.state.generations[each.position] = each.generation;
    count_done(completed_.size());
    completed_.clear();
}

void verify_worker::count_done(std::uint64_t more) noexcept
{
    // relaxed: a statistic with one writer.
    done_.store(done_.load(std::memory_order_relaxed) + more, std::memory_order_relaxed);
}

} // namespace ngpoll::cli
