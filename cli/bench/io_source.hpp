// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include <ngpoll/ngpoll.hpp>

#include "options.hpp"
#include "plan.hpp"
#include "random_position.hpp"
#include "workload.hpp"
#include "zipf_rank.hpp"

namespace ngpoll::cli {

/// Each of the usual loads has a code path of its own, so that it does not pay for the others.
enum class io_kind : std::uint8_t {
    random_reads, ///< uniform
    sequential_reads,
    any, ///< all other loads
};

/// The operation of a command that an io_source made.
[[nodiscard]] constexpr operation operation_of(const command& cmd) noexcept
{
    switch (cmd.opcode) {
    case opcode::write: return operation::write;
    case opcode::write_zeroes: return operation::write_zeroes;
    case opcode::dataset_management: return operation::trim;
    default: return operation::read;
    }
}

/// Chooses the next operation of a thread on one drive and its place, and fills in the request.
///
/// Used by one thread. Written data is never zero, and differs from one command to the next. So no
/// drive can skip a write, or store the same data only once.
class io_source {
public:
    struct setting {
        const namespace_info& device;
        const bench_options& options;
        const bench_geometry& geometry;
        std::uint32_t index = 0; ///< among the sources on this drive
        std::uint32_t sources = 1; ///< on this drive; sequential ones start at different places
        std::uint64_t seed = 0;
    };

    explicit io_source(const setting& from);

    [[nodiscard]] io_kind kind() const noexcept { return kind_; }
    /// How many buffers a request needs: two if reads and writes are mixed, else one.
    [[nodiscard]] static std::uint32_t buffers_per_request(const bench_options& options) noexcept
    {
        return options.pattern().mixed() ? 2 : 1;
    }

    /// Gives each request its first I/O. Call it once. `requests` are all requests that this source
    /// fills in, and `buffers` holds buffers_per_request() buffers for each of them.
    void prepare(std::vector<request>& requests, const buffer_pool& buffers);
    /// The two halves of prepare(), for sources that share the requests and their buffers. Call
    /// set_requests() on each source. Call begin() on one source for each request.
    void set_requests(const std::vector<request>& requests, const buffer_pool& buffers);
    void begin(request& r) noexcept;

    /// Gives a request its next I/O. `Kind` is kind().
    template <io_kind Kind>
    void next(request& r) noexcept
    {
        if constexpr (Kind == io_kind::random_reads)
            r.cmd.slba = first_slba_ + uniform_() * blocks_per_io_;
        else if constexpr (Kind == io_kind::sequential_reads)
            r.cmd.slba = first_slba_ + next_in_sequence() * blocks_per_io_;
        else
            next_of_any(r);
    }

    /// Gives a request its next I/O when the caller does not know kind().
    void next(request& r) noexcept;

private:
    struct buffer_pair {
        buffer read, write;
    };

    [[nodiscard]] std::uint64_t next_in_sequence() noexcept
    {
        const std::uint64_t position = sequential_;
        sequential_ = position + 1 == positions_ ? 0 : position + 1;
        return position;
    }
    void next_of_any(request& r) noexcept;
    [[nodiscard]] operation next_operation() noexcept;
    [[nodiscard]] std::uint64_t next_position() noexcept;
    /// New data for a write.
    void stamp(const buffer& data) noexcept;

    // Read and written for every I/O.
    random_position uniform_;
    std::uint64_t sequential_;
    const std::uint64_t positions_;
    const std::uint64_t first_slba_;
    const std::uint32_t blocks_per_io_;

    // Only io_kind::any uses the members below for every I/O.
    const std::uint32_t nsid_;
    const access_pattern pattern_;
    const std::uint32_t reads_percent_;
    const io_kind kind_;
    random_bits chance_;
    std::optional<zipf_rank> zipf_;
    scattered_ranks scattered_;
    const request* first_request_ = nullptr;
    std::vector<buffer_pair> buffers_; ///< by the index of the request
};

} // namespace ngpoll::cli
