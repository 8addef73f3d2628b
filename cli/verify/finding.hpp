// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace ngpoll::cli {

/// Logical blocks that do not hold what they should.
struct finding {
    enum class kind : std::uint8_t {
        misplaced, ///< an intact block of another address
        stale, ///< an intact block of this address, older than it should be
        missing, ///< no block of this address at all
        corrupt, ///< damaged
        unreadable, ///< the drive did not read it
        unwritten, ///< the drive did not write it
    };

    kind what = kind::corrupt;
    std::uint64_t lba = 0;
    std::uint32_t blocks = 1;
    std::optional<std::uint64_t> found_lba = {}; ///< the first address of misplaced blocks
    std::optional<std::uint32_t> found_generation = {}; ///< of an intact block
    std::string text = {}; ///< further detail: "zeroes", "1 wrong byte ..."
};

inline constexpr std::array kAllFindings{finding::kind::misplaced, finding::kind::stale,
    finding::kind::missing, finding::kind::corrupt, finding::kind::unreadable,
    finding::kind::unwritten};

/// "misplaced", "stale" ...
[[nodiscard]] const char* to_string(finding::kind what) noexcept;
/// "LBA 8 to 15: misplaced: the blocks of LBA 16 to 23, generation 3"
[[nodiscard]] std::string text_of(const finding& found);

/// The findings of all threads. Every block is counted; the findings with the lowest LBAs are kept.
class findings {
public:
    static constexpr std::size_t kKeptMax = 1000;

    /// Any thread.
    void add(finding&& found);

    /// The logical blocks of that kind. Call this and the next two after the threads have ended.
    [[nodiscard]] std::uint64_t count(finding::kind what) const noexcept
    {
        return counts_[static_cast<std::size_t>(what)];
    }
    [[nodiscard]] std::uint64_t total() const noexcept;
    /// The kept findings in order of their LBAs. Neighbours with the same fault are merged.
    [[nodiscard]] std::vector<finding> merged() const;

private:
    std::mutex mutex_;
    std::array<std::uint64_t, kAllFindings.size()> counts_{};
    std::vector<finding> kept_; ///< a heap: the highest LBA first
};

} // namespace ngpoll::cli
