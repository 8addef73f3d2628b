// SPDX-License-Identifier: MIT
#include "run.hpp"

#include <algorithm>

#include <fmt/format.h>

#include <ngpoll/processors.hpp>

#include "text.hpp"

namespace ngpoll::cli {

namespace {

using clock = std::chrono::steady_clock;

/// How often the live block is drawn.
constexpr std::chrono::milliseconds kRedraw{250};

double seconds_since(clock::time_point start)
{
    return std::chrono::duration<double>(clock::now() - start).count();
}

} // namespace

poll_queues open_queues(const bench_result& planned, open_drives devices)
{
    const bench_options& options = planned.options;
    const std::vector<std::uint32_t> everywhere = allowed_processors();
    poll_queues opened;
    for (std::size_t d = 0; d < planned.drives.size(); ++d) {
        const placement& layout = planned.drives[d].layout;
        for (std::uint32_t q = 0; q < layout.queues; ++q) {
            // A resident poller keeps to the processors of the thread that makes it. So this thread
            // now keeps to the processors of the queue's threads.
            const std::span<const std::uint32_t> cpus = layout.cpus_of_queue(q);
            pin_this_thread(cpus.empty() ? everywhere : cpus);
            // A group takes the place of one ring.
            const bool has_group = options.workers != 0;
            const std::uint32_t rings = has_group ? 1 : layout.threads_on(q);
            opened.push_back(std::make_unique<poll_queue>(devices[d],
                poll_queue::options{.depth = options.depth * rings,
                    .rings_max = std::max(rings, layout.rings_least),
                    .mode = options.mode(),
                    .role = options.role,
                    .registered_file = options.registered_file,
                    .registered_ring = options.registered_ring,
                    .hardware_queue = has_group ? std::nullopt : layout.hardware_of_queue(q),
                    .force = options.force}));
        }
    }
    pin_this_thread(everywhere);
    return opened;
}

bench_run::bench_run(bench_result planned, open_drives devices, bench_display& display)
    : result_(std::move(planned))
    , out_(display.out)
    , brief_(display.brief)
    , queues_(open_queues(result_, devices))
    , threads_(result_.options.threads)
    , tick_(tick_source::none)
{
    for (bench_drive& drive : result_.drives) {
        for (std::uint32_t q = 0; q < drive.layout.queues; ++q)
            drive.queues.push_back(queues_[drive.first_queue + q]->report());
        drive.role = queues_[drive.first_queue]->role();
        if (!held_
            && std::any_of(drive.queues.begin(), drive.queues.end(),
                [](const poll_queue_report& queue) { return queue.must_drain; }))
            held_.emplace();
    }
    announce(display);
    threads_.start(result_, queues_);
    start_ = clock::now();
    tick_ = tick_length(result_.clock);
    result_.counters = cost_.scope();
    if (live_block::suits(display.screen))
        live_.emplace(out_, display.screen);
    result_.in_huge_pages = threads_.workers().front()->in_huge_pages();
}

void bench_run::announce(bench_display& display) const
{
    std::string layout = layout_text(result_);
    std::vector<std::string>& printed = display.layouts_printed;
    const bool is_printed = std::find(printed.begin(), printed.end(), layout) != printed.end();
    out_.print(std::exchange(display.heading, {}) + (brief_ && is_printed ? "" : layout));
    if (!is_printed)
        printed.push_back(std::move(layout));
}

bench_run::counted bench_run::counted::since(const counted& before) const
{
    counted came;
    for (std::size_t t = 0; t < threads.size(); ++t)
        came.threads.push_back(threads[t].since(before.threads[t]));
    for (std::size_t d = 0; d < drives.size(); ++d) {
        const counted_drive& now = drives[d];
        const counted_drive& then = before.drives[d];
        counted_drive& drive = came.drives.emplace_back();
        drive.residents
            = bench_interval{.stats = now.residents}.since({.stats = then.residents}).stats;
        for (std::size_t o = 0; o < now.latencies.size(); ++o) {
            drive.latencies[o] = now.latencies[o].since(then.latencies[o]);
            drive.service_latencies[o] = now.service_latencies[o].since(then.service_latencies[o]);
        }
    }
    came.cost = cost.since(before.cost);
    return came;
}

bench_run::counted bench_run::count() const
{
    counted now;
    const double seconds = seconds_since(start_);
    for (const bench_drive& drive : result_.drives) {
        counted_drive& all = now.drives.emplace_back();
        for (const auto& worker : threads_.workers().subspan(drive.first_thread, drive.threads())) {
            now.threads.push_back({.seconds = seconds,
                .end_seconds = seconds,
                .stats = worker->stats(),
                .batches = worker->batches(),
                .errors = worker->error_total()});
            worker->add_latencies_to(all.latencies, all.service_latencies);
        }
        for (std::uint32_t q = 0; q < drive.layout.queues; ++q)
            all.residents += queues_[drive.first_queue + q]->resident_stats();
    }
    now.drives.front().residents += threads_.submit_stats();
    now.cost = cost_.read();
    return now;
}

bench_interval bench_run::sum_of(const counted& all) const
{
    ring_stats residents{};
    latency_histogram latency;
    latency_histogram service_latency;
    for (const counted_drive& drive : all.drives) {
        residents += drive.residents;
        latency += merged(drive.latencies);
        service_latency += merged(drive.service_latencies);
    }
    bench_interval sum = together(all.threads, residents);
    const double ns_per_tick = tick_.nanoseconds();
    sum.latency = summarise(latency, ns_per_tick);
    sum.service_latency = summarise(service_latency, ns_per_tick);
    sum.cost = all.cost;
    return sum;
}

void bench_run::print(const std::string& text)
{
    if (live_)
        live_->clear();
    out_.print(text);
}

void bench_run::show_progress()
{
    if (!live_)
        return;
    const bench_options& options = result_.options;
    live_->show({.elapsed_seconds = seconds_since(start_),
        .limit_seconds = warming_up_ ? options.warmup_seconds : options.seconds,
        .warming_up = warming_up_,
        .block_bytes = static_cast<std::uint32_t>(options.block_bytes),
        .last = result_.intervals.empty() ? nullptr : &result_.intervals.back(),
        .threads = last_threads_});
}

bool bench_run::wait_until(const stop_signals& signals, double seconds)
{
    const auto end = start_
        + std::chrono::duration_cast<clock::duration>(std::chrono::duration<double>(seconds));
    while (live_) {
        show_progress();
        const auto next = clock::now() + kRedraw;
        if (next >= end)
            break;
        if (signals.wait_until(next, threads_.ended_event()) || out_.failed())
            return true;
        if (threads_.have_ended())
            return false;
    }
    return signals.wait_until(end, threads_.ended_event()) || out_.failed();
}

bool bench_run::warm_up(const stop_signals& signals)
{
    const double seconds = result_.options.warmup_seconds;
    if (!live_ && !brief_)
        out_.print(fmt::format("warm-up: {:g} s without figures\n", seconds));
    warming_up_ = true;
    const bool cut_short = wait_until(signals, seconds);
    warming_up_ = false;
    start_ = clock::now();
    return cut_short;
}

bool bench_run::measure(const stop_signals& signals)
{
    const auto block_bytes = static_cast<std::uint32_t>(result_.options.block_bytes);
    const double limit = result_.options.seconds;
    counted begin{.threads = std::vector<bench_interval>(threads_.workers().size()),
        .drives = std::vector<counted_drive>(result_.drives.size()),
        .cost = cost_.read()};
    bool cut_short = out_.failed();
    if (result_.options.warmup_seconds != 0) {
        cut_short = warm_up(signals);
        begin = count();
    }
    counted before = begin;
    for (int second = 1;; ++second) {
        const double until = limit == 0 ? second : std::min<double>(second, limit);
        cut_short = cut_short || wait_until(signals, until);
        blocks_are_done_ = threads_.have_ended();
        counted now = count();
        counted came = now.since(before);
        before = std::move(now);
        result_.intervals.push_back(sum_of(came));
        last_threads_ = std::move(came.threads);
        if (!live_ && !brief_)
            out_.print(interval_text(result_.intervals.back(), block_bytes) + "\n");
        cut_short = cut_short || out_.failed();
        if (cut_short || blocks_are_done_ || (limit != 0 && until >= limit))
            break;
    }
    show_progress();
    drain();
    collect(begin);
    result_.cut_short = cut_short;
    return cut_short;
}

void bench_run::drain()
{
    const auto start = bench_threads::clock::now();
    threads_.begin_stop();
    for (int second = 1; !threads_.wait_ended(start + std::chrono::seconds(second)); ++second) {
        const counted now = count();
        const bench_interval all = sum_of(now);
        print(in_flight_text({.seconds = second,
            .requests = all.stats.sent - std::min(all.stats.sent, all.finished()),
            .may_not_end = held_.has_value()}));
    }
    threads_.stop();
    held_.reset();
    print({}); // removes the live block
}

void bench_run::collect(const counted& begin)
{
    counted all = count().since(begin);
    if (blocks_are_done_)
        for (bench_interval& thread : all.threads)
            thread.seconds = thread.end_seconds = busy_seconds();
    result_.total = sum_of(all);
    result_.ns_per_tick = tick_.nanoseconds();
    for (std::size_t d = 0; d < all.drives.size(); ++d) {
        bench_drive& drive = result_.drives[d];
        drive.total = together(std::span(all.threads).subspan(drive.first_thread, drive.threads()),
            all.drives[d].residents);
        drive.latencies = std::move(all.drives[d].latencies);
        drive.service_latencies = std::move(all.drives[d].service_latencies);
        drive.total.latency = summarise(merged(drive.latencies), result_.ns_per_tick);
        drive.total.service_latency
            = summarise(merged(drive.service_latencies), result_.ns_per_tick);
        collect_errors(drive);
    }
    result_.threads = std::move(all.threads);
}

double bench_run::busy_seconds() const
{
    bench_worker::clock::time_point begin = threads_.workers().front()->began_at();
    bench_worker::clock::time_point end = begin;
    for (const auto& worker : threads_.workers()) {
        begin = std::min(begin, worker->began_at());
        end = std::max(end, worker->done_at());
    }
    return std::chrono::duration<double>(end - begin).count();
}

void bench_run::collect_errors(bench_drive& drive) const
{
    for (const auto& worker : threads_.workers().subspan(drive.first_thread, drive.threads())) {
        drive.first.all += worker->first().all;
        drive.first.zeros += worker->first().zeros;
        for (const error_count& found : worker->errors()) {
            const auto same = std::find_if(drive.errors.begin(), drive.errors.end(),
                [&](const error_count& e) { return e.status == found.status; });
            if (same == drive.errors.end())
                drive.errors.push_back(found);
            else
                same->count += found.count;
        }
    }
}

} // namespace ngpoll::cli
