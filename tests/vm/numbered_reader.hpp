// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include <ngpoll/ngpoll.hpp>

#include "../unit/catch.hpp"
#include "../unit/support.hpp"

namespace ngpoll::test {

/// tests/vm/limits writes this into the first 8 bytes of each block: its LBA, and above it the
/// number of its namespace. So a read with another block's data is noticed.
constexpr std::uint64_t block_number(std::uint32_t nsid, std::uint64_t lba)
{
    return std::uint64_t{nsid - 1} << 32U | lba;
}

/// The results of one thread's reads. The watchdog's thread prints them while they grow.
struct read_tally {
    std::atomic<std::uint64_t> right{0}, wrong{0}, faults{0}, other_errors{0};
    // The reading thread writes these. Others read them after it has ended.
    std::string fault_text, error_text;
    std::uint64_t wanted_first = 0, found_first = 0; ///< of the first wrong read

    /// Results that no run may have.
    [[nodiscard]] std::uint64_t broken() const { return wrong + other_errors; }

    void print(std::FILE* to, const std::string& who) const
    {
        std::fprintf(to, "%s: %llu right, %llu wrong, %llu EFAULT, %llu other errors\n",
            who.c_str(), static_cast<unsigned long long>(right),
            static_cast<unsigned long long>(wrong), static_cast<unsigned long long>(faults),
            static_cast<unsigned long long>(other_errors));
    }
};

constexpr std::uint64_t kReadsLeast = 1000;

/// Wrong data is never allowed, and errors are not allowed with registered buffers. With other
/// buffers a kernel that is out of tags may look for the buffer in another process. That gives
/// EFAULT, with the reason.
inline void check_tally(const read_tally& seen, bool fixed)
{
    CAPTURE(fixed, seen.wanted_first, seen.found_first, seen.error_text, seen.fault_text);
    CHECK(seen.right >= kReadsLeast);
    CHECK(seen.wrong == 0);
    CHECK(seen.other_errors == 0);
    if (fixed)
        CHECK(seen.faults == 0);
    else if (seen.faults != 0)
        CHECK(seen.fault_text.find("tags ran out") != std::string::npos);
}

/// A ring of the calling thread that always has `depth` reads of random blocks in flight and checks
/// the data of each.
class numbered_reader {
public:
    struct options {
        std::uint32_t depth = 0;
        bool fixed = true; ///< registered buffers
        std::uint64_t seed = 0;
    };

    numbered_reader(
        poll_queue& queue, const namespace_info& drive, options requested, read_tally& seen)
        : info_(drive)
        , seen_(seen)
        , random_(requested.seed, 0)
        , buffers_(queue,
              {.count = requested.depth,
                  .buffer_bytes = drive.block_bytes(),
                  .fixed = requested.fixed})
        , reads_(requested.depth)
        , ring_(queue, {.depth = requested.depth})
    {
        for (std::uint32_t i = 0; i < requested.depth; ++i) {
            reads_[i].target = buffers_.at(i);
            reads_[i].by = this;
            reads_[i].on_complete = [](request& r) noexcept {
                auto& done = static_cast<numbered_read&>(r);
                done.by->finished(done);
            };
        }
    }

    /// Reads until `enough()` returns true, and then waits for all reads. The caller needs a
    /// watchdog.
    template <class Enough>
    void read_until(Enough&& enough)
    {
        going_on_ = true;
        for (numbered_read& r : reads_)
            submit(r);
        while (!enough())
            ring_.wait(1);
        going_on_ = false;
        ring_.wait(ring_.outstanding());
    }

private:
    struct numbered_read : request {
        numbered_reader* by = nullptr;
        buffer target;
    };

    void submit(numbered_read& r) noexcept
    {
        // Within the first 64 MiB, which every image has.
        r.cmd = read_command(info_.nsid, random_.below(64ULL * 1024 * 1024 / 512), 1);
        r.set_buffer(r.target);
        std::memset(r.target.data, 0xee, r.target.size_bytes); // not the number of a block
        if (!ring_.submit(r))
            ++seen_.other_errors;
    }

    void finished(numbered_read& r) noexcept
    {
        if (r.status.ok()) {
            look_at(r);
        } else if (r.status.errno_value == EFAULT) {
            if (++seen_.faults == 1)
                seen_.fault_text = r.status.text();
        } else if (++seen_.other_errors == 1) {
            seen_.error_text = r.status.text();
        }
        if (going_on_)
            submit(r);
    }

    void look_at(const numbered_read& r) noexcept
    {
        std::uint64_t found = 0;
        std::memcpy(&found, r.target.data, sizeof found);
        const std::uint64_t wanted = block_number(info_.nsid, r.cmd.slba);
        if (found == wanted) {
            ++seen_.right;
        } else if (++seen_.wrong == 1) {
            seen_.wanted_first = wanted;
            seen_.found_first = found;
        }
    }

    const namespace_info& info_;
    read_tally& seen_;
    chance random_;
    bool going_on_ = false;
    buffer_pool buffers_;
    std::vector<numbered_read> reads_;
    ring ring_;
};

} // namespace ngpoll::test
