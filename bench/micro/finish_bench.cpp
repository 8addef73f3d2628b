// SPDX-License-Identifier: MIT
//
// Measures nanoseconds of processor time per I/O. One thread drives rings over one emulated drive.
// Some lines are of completions finished inline, by the ring that found them. Others are of
// deferred completions: one ring found them and handed them to their owner.
//
// The I/O is a flush, which the emulated drive answers without touching memory. A figure therefore
// contains only the engine and the emulated queue pair. The queue pair costs the same in all lines.
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include <ngpoll/ngpoll.hpp>

#include "benchmark_program.hpp"

namespace {

constexpr std::uint32_t kBatch = 32; ///< I/Os of each ring in a round

/// Rings on one poll queue, each with a batch of requests.
class rings {
public:
    struct options {
        std::uint32_t count = 1;
        std::uint32_t rings_max = 1; ///< above 1 the queue is shared
    };

    explicit rings(options requested)
        : queue_(ngpoll::nvme_namespace::open("emu:"),
            {.depth = kBatch * requested.rings_max, .rings_max = requested.rings_max})
        , requests_(std::size_t{requested.count} * kBatch)
    {
        for (std::uint32_t i = 0; i < requested.count; ++i)
            rings_.push_back(std::make_unique<ngpoll::ring>(
                queue_, ngpoll::ring::options{.depth = kBatch, .submit_batch_max = kBatch}));
        for (ngpoll::request& r : requests_) {
            r.cmd = ngpoll::flush_command(1);
            r.on_complete = ngpoll::ignore_completion;
        }
    }

    [[nodiscard]] ngpoll::ring& at(std::size_t i) { return *rings_[i]; }
    [[nodiscard]] std::size_t count() const { return rings_.size(); }

    bool submit(std::size_t i)
    {
        for (std::size_t r = i * kBatch; r < (i + 1) * kBatch; ++r)
            if (!rings_[i]->submit(requests_[r]))
                return false;
        return true;
    }

    /// The share of deferred completions. It proves that the benchmark measured what it should.
    [[nodiscard]] std::string deferred() const
    {
        ngpoll::ring_stats all;
        for (const auto& each : rings_)
            all += each->stats();
        const auto finished = static_cast<double>(all.finished_inline + all.finished_deferred);
        char text[32];
        std::snprintf(text, sizeof text, "%.1f %% deferred",
            100.0 * static_cast<double>(all.finished_deferred) / finished);
        return text;
    }

private:
    ngpoll::poll_queue queue_;
    std::vector<ngpoll::request> requests_;
    std::vector<std::unique_ptr<ngpoll::ring>> rings_; // closed first: they own the requests
};

void finish(benchmark::State& state, const rings& used)
{
    benchmark_program::set_items(
        state, static_cast<std::uint64_t>(state.iterations()) * used.count() * kBatch);
    state.SetLabel(used.deferred());
}

/// Each ring submits a batch, polls, and finds its batch.
void inline_only(benchmark::State& state, rings::options requested)
{
    rings used(requested);
    for (auto _ : state)
        for (std::size_t i = 0; i < used.count(); ++i)
            if (!used.submit(i) || used.at(i).poll() != kBatch)
                return state.SkipWithError("a batch was not finished by its ring's own poll");
    finish(state, used);
}

/// Ring 0 polls for all. The other rings submit, leave their batches to ring 0, and drain what it
/// found. Ring 0 submits nothing, so each completion is deferred.
void deferred_only(benchmark::State& state, std::uint32_t owners)
{
    rings used({.count = owners + 1, .rings_max = owners + 1});
    for (auto _ : state) {
        for (std::size_t i = 1; i <= owners; ++i) {
            if (!used.submit(i))
                return state.SkipWithError("a ring refused its own depth");
            used.at(i).flush();
        }
        for (std::size_t i = 1; i <= owners; ++i)
            used.at(0).poll(); // sends one batch, and finds it
        for (std::size_t i = 1; i <= owners; ++i)
            if (used.at(i).poll() != kBatch)
                return state.SkipWithError("a batch was not deferred whole");
    }
    benchmark_program::set_items(
        state, static_cast<std::uint64_t>(state.iterations()) * owners * kBatch);
    state.SetLabel(used.deferred());
}

/// All rings submit. Ring 0 polls for all of them, itself included.
void many_rings(benchmark::State& state, std::uint32_t count)
{
    rings used({.count = count, .rings_max = count});
    for (auto _ : state) {
        for (std::size_t i = 0; i < count; ++i) {
            if (!used.submit(i))
                return state.SkipWithError("a ring refused its own depth");
            used.at(i).flush();
        }
        std::uint32_t finished = 0;
        for (std::size_t i = 0; i < count; ++i)
            finished += used.at(0).poll();
        for (std::size_t i = 1; i < count; ++i)
            finished += used.at(i).poll();
        if (finished != count * kBatch)
            return state.SkipWithError("a round did not finish all its I/O");
    }
    finish(state, used);
}

} // namespace

int main(int argc, char** argv)
{
    benchmark_program program(argc, argv);
    program.add("inline, a queue of its own", inline_only, rings::options{});
    program.add("inline, a shared queue", inline_only, rings::options{.rings_max = 2});
    program.add("deferred, ring A polls for ring B", deferred_only, 1U);
    for (std::uint32_t count = 2; count <= 64; count *= 2)
        program.add(std::to_string(count) + " rings, one polls for all", many_rings, count);
    return program.run();
}
