// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>

namespace ngpoll::cli {

/// Finds the highest rate that keeps a limit, by trying one rate after the other.
///
/// The first run is as fast as possible; no rate above its IOPS is tried. The second run has a
/// hundredth of that rate, which must keep the limit. If the first run kept the limit, its IOPS are
/// then tried as a rate. The gap lies between the highest rate that keeps the limit and the lowest
/// rate that does not. The search halves the gap until it is 2 % or 1 I/O a second. A rate that
/// does not keep the limit is tried a second time, so that one hiccup of the machine does not
/// decide.
///
/// `kept() < broken()`, if both exist. There are at most kStepsMax runs.
class rate_search {
public:
    static constexpr int kStepsMax = 48;

    enum class ending : std::uint8_t {
        unfinished,
        found, ///< kept() keeps the limit, and broken(), a little above, does not
        highest, ///< kept() is the highest possible rate
        none, ///< not even a hundredth of the highest possible rate keeps the limit
    };

    /// The rate of the next run, in whole I/Os a second; 0: as fast as possible. Nothing: the
    /// search is over.
    [[nodiscard]] std::optional<double> next() const noexcept
    {
        return end_ == ending::unfinished ? std::optional(rate_) : std::nullopt;
    }
    /// Tells whether the run at next() kept the limit, and its IOPS.
    void add(bool kept, double iops);

    [[nodiscard]] ending end() const noexcept { return end_; }
    /// The highest rate that kept the limit.
    [[nodiscard]] std::optional<double> kept() const noexcept { return kept_; }
    /// The lowest rate that did not keep the limit.
    [[nodiscard]] std::optional<double> broken() const noexcept { return broken_; }

private:
    enum class phase : std::uint8_t { ceiling, lowest, highest, between };

    void begin(bool kept, double iops);
    void try_highest();
    void halve();

    phase phase_ = phase::ceiling;
    ending end_ = ending::unfinished;
    double rate_ = 0;
    double ceiling_ = 0;
    bool ceiling_kept_ = false;
    bool second_try_ = false;
    std::optional<double> kept_;
    std::optional<double> broken_;
};

} // namespace ngpoll::cli
