// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>

namespace ngpoll::cli {

/// Finds the highest rate that keeps a limit, by trying one rate after the other.
///
/// The first run is as fast as it goes: no rate above its IOPS is tried. Then comes a hundredth of
/// that, which must keep the limit. If the first run kept it, its IOPS are tried as a rate. The gap
/// lies between the highest rate that keeps the limit and the lowest one that does not. It is
/// halved until it is 2 % or 1 I/O a second. A rate that does not keep the limit is tried a
/// second time, so that one hiccup of the machine does not decide.
///
/// `kept() < broken()`, where both exist. At most kStepsMax runs.
class rate_search {
public:
    static constexpr int kStepsMax = 48;

    enum class ending : std::uint8_t {
        unfinished,
        found, ///< kept() keeps the limit, and broken(), a little above, does not
        highest, ///< kept() is as fast as it goes
        none, ///< not even a hundredth of what is possible keeps the limit
    };

    /// The rate of the next run, in whole I/Os a second; 0: as fast as it goes. Nothing: it is
    /// over.
    [[nodiscard]] std::optional<double> next() const noexcept
    {
        return end_ == ending::unfinished ? std::optional(rate_) : std::nullopt;
    }
    /// Tells whether the run at next() kept the limit, and its IOPS.
    void add(bool kept, double iops);

    [[nodiscard]] ending end() const noexcept { return end_; }
    /// The highest rate that kept the limit.
    [[nodiscard]] std::optional<double> kept() const noexcept { return kept_; }
    /// The lowest rate that did not.
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
