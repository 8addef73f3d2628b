// SPDX-License-Identifier: MIT
#include "group_worker.hpp"

#include <cstddef>

namespace ngpoll::cli {

group_worker::group_worker(const setting& from, group_load& load)
    : bench_worker(from)
    , source_({.device = from.device,
          .options = from.options,
          .geometry = from.geometry,
          .index = from.index_on_drive,
          .sources = from.threads_on_drive,
          .seed = random_seed()})
    , load_(load)
    // On an emulated drive blocks that were never written read as zeros, and take the usual time.
    , looks_at_first_(!from.device.emulated)
{
    start();
}

ring_stats group_worker::stats() const
{
    const std::lock_guard lock(closing_);
    return fetch_ ? fetch_->stats() : last_stats_;
}

void group_worker::give_up() noexcept
{
    fetch_.reset();
    load_.retire(load_.share_of(from_.index).size());
}

void group_worker::work_until_end()
{
    fetch_.emplace(load_.group(), fetch::options{.batch_max = from_.options.complete_batch});
    in_huge_pages_ = load_.buffers().in_huge_pages();
    if (from_.clock != tick_source::none)
        latencies_ = make_counts();
    source_.set_requests(load_.requests(), load_.buffers());
    for (request* const r : load_.share_of(from_.index))
        source_.begin(*r);
    begin();
    switch (from_.clock) {
    case tick_source::none: work_of_kind<tick_source::none>(); break;
    case tick_source::tsc: work_of_kind<tick_source::tsc>(); break;
    case tick_source::system: work_of_kind<tick_source::system>(); break;
    }
    const std::lock_guard lock(closing_);
    fetch_->close();
    last_stats_ = fetch_->stats();
    fetch_.reset();
}

template <tick_source Clock>
void group_worker::work_of_kind()
{
    switch (source_.kind()) {
    case io_kind::random_reads: work_on_batches<io_kind::random_reads, Clock>(); break;
    case io_kind::sequential_reads: work_on_batches<io_kind::sequential_reads, Clock>(); break;
    case io_kind::any: work_on_batches<io_kind::any, Clock>(); break;
    }
}

template <tick_source Clock>
void group_worker::submit_first()
{
    const std::span<request* const> mine = load_.share_of(from_.index);
    const std::uint64_t now = ticks_now<Clock>();
    for (const request* const r : mine)
        load_.started_at(*r) = now;
    // A worker that is stopped already submits nothing: another thread may have failed to start.
    load_.retire(mine.size() - (is_stopping() ? 0 : load_.group().submit(mine)));
}

template <io_kind Kind, tick_source Clock>
void group_worker::work_on_batches()
{
    submit_first<Clock>();
    for (;;) {
        const std::span<request* const> batch = fetch_->next();
        if (batch.empty())
            return; // the group is closed
        // relaxed: a statistic with one writer.
        batches_.store(batches() + 1, std::memory_order_relaxed);
        finish<Kind, Clock>(batch);
    }
}

template <io_kind Kind, tick_source Clock>
void group_worker::finish(std::span<request* const> batch) noexcept
{
    // The clock is read once, for the I/Os that end and for the next ones that begin. With --work
    // it is read again after the work.
    const std::uint64_t now = ticks_now<Clock>();
    const std::size_t again = is_stopping() ? 0 : load_.claim(batch.size());
    for (std::size_t i = 0; i < batch.size(); ++i) {
        request& r = *batch[i];
        if (!r.status.ok()) [[unlikely]]
            count_error(r.status);
        else if constexpr (Clock != tick_source::none)
            counts_of<Kind>(latencies_, r).add(now - load_.started_at(r));
        if (looks_at_first_ && r.context == nullptr) [[unlikely]] {
            look_at_first(r);
            r.context = this;
        }
        if (work_ns_ != 0)
            work();
        else if (i < again)
            renew<Kind, Clock>(r, now);
    }
    if (work_ns_ != 0) {
        const std::uint64_t begun = ticks_now<Clock>();
        for (request* const r : batch.first(again))
            renew<Kind, Clock>(*r, begun);
    }
    const std::size_t sent = again == 0 ? 0 : load_.group().submit(batch.first(again));
    if (sent != batch.size()) {
        mark_done(); // unless this worker takes another batch later
        load_.retire(batch.size() - sent);
    }
}

template <io_kind Kind, tick_source Clock>
void group_worker::renew(request& r, std::uint64_t now) noexcept
{
    source_.next<Kind>(r);
    if constexpr (Clock != tick_source::none)
        load_.started_at(r) = now;
}

} // namespace ngpoll::cli
