// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include <ngpoll/ngpoll.hpp>

#include "io_source.hpp"
#include "pace.hpp"
#include "worker.hpp"

namespace ngpoll::cli {

/// A thread of the benchmark with a ring of its own. It keeps the ring full: the completion
/// callback of each I/O submits the next one.
class ring_worker final : public bench_worker {
public:
    explicit ring_worker(const setting& from);
    ~ring_worker() override { join(); }

    [[nodiscard]] ring_stats stats() const override { return ring_->stats(); }

private:
    void work_until_end() override;
    void give_up() noexcept override { ring_.reset(); } // on the thread that made the ring
    void prepare(const buffer_pool& buffers);
    void prepare_clocks();
    /// Keeps the ring full until the end.
    void work_at_once();

    /// `Extra`: there is work to do for each completion, or a number of blocks ends the run.
    /// Without `Extra` the callbacks do not pay for either.
    template <tick_source Clock, bool Extra>
    [[nodiscard]] completion_function callback() const noexcept;
    template <bool Extra>
    [[nodiscard]] completion_function callback_of_clock() const noexcept;
    /// The callback of a request's first completion: checks the data, and calls on_complete_.
    static void finished_first(request& r) noexcept;
    template <io_kind Kind, tick_source Clock, bool Extra>
    static void finished(request& r) noexcept;
    template <io_kind Kind, tick_source Clock, bool Extra>
    [[gnu::noinline]] static void failed(request& r) noexcept;
    template <io_kind Kind, bool Extra>
    void submit_again(request& r) noexcept;
    template <tick_source Clock>
    void work_on(const request& r) noexcept;
    [[nodiscard]] std::uint64_t ticks() const noexcept;
    /// Submits each I/O when it is due, until the end.
    void work_at_rate();
    void submit_due(std::uint64_t now_ns);
    static void finished_at_rate(request& r) noexcept;
    [[nodiscard]] std::uint64_t& started_at(const request& r) noexcept
    {
        return started_at_[static_cast<std::size_t>(&r - requests_.data())];
    }

    // Read and written for every completion.
    io_source source_;
    std::optional<ring> ring_;
    std::vector<request> requests_;
    std::vector<std::uint64_t> started_at_; ///< in ticks, by the index of the request

    std::uint64_t blocks_left_; ///< to submit
    completion_function on_complete_ = nullptr; ///< from the second completion on

    // At a rate only.
    std::optional<pace> pace_;
    std::vector<request*> idle_; ///< not in flight
    std::vector<std::uint64_t> due_at_; ///< in nanoseconds, by the index of the request
};

} // namespace ngpoll::cli
