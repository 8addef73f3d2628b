// SPDX-License-Identifier: MIT
#include "io_source.hpp"

#include <cstring>

namespace ngpoll::cli {

namespace {

io_kind kind_of(const bench_options& options)
{
    if (options.pattern().writes() || options.law.zipf_theta != 0)
        return io_kind::any;
    return options.pattern().random ? io_kind::random_reads : io_kind::sequential_reads;
}

/// The first `bytes` of a buffer.
buffer part_of(const buffer& whole, std::uint32_t bytes)
{
    return {.data = whole.data, .size_bytes = bytes, .fixed_index = whole.fixed_index};
}

constexpr std::uint32_t kStampBytes = 512; ///< between stamps; no drive has smaller blocks

} // namespace

io_source::io_source(const setting& from)
    : uniform_(from.seed, from.geometry.positions)
    , sequential_(from.geometry.positions / from.sources * from.index)
    , positions_(from.geometry.positions)
    , first_slba_(from.geometry.first_slba)
    , blocks_per_io_(from.geometry.blocks_per_io)
    , nsid_(from.device.nsid)
    , pattern_(from.options.pattern())
    , reads_percent_(from.options.reads_percent)
    , kind_(kind_of(from.options))
    , chance_(from.seed)
    , scattered_(from.geometry.positions)
{
    if (const double theta = from.options.law.zipf_theta; theta != 0)
        zipf_.emplace(theta, from.geometry.positions);
}

void io_source::set_requests(const std::vector<request>& requests, const buffer_pool& buffers)
{
    first_request_ = requests.data();
    const std::uint32_t each = pattern_.mixed() ? 2 : 1;
    for (std::uint32_t i = 0; i < requests.size(); ++i)
        buffers_.push_back({.read = buffers.at(i * each), .write = buffers.at((i + 1) * each - 1)});
}

void io_source::begin(request& r) noexcept
{
    const buffer_pair& pair = buffers_[static_cast<std::size_t>(&r - first_request_)];
    if (pattern_.changes == operation::write)
        for (std::uint32_t at = 0; at + sizeof(std::uint64_t) <= pair.write.size_bytes;
             at += sizeof(std::uint64_t)) {
            const std::uint64_t word = chance_();
            std::memcpy(pair.write.data + at, &word, sizeof word);
        }
    r.cmd = read_command(nsid_, 0, blocks_per_io_);
    r.set_buffer(pair.read);
    next(r);
}

void io_source::prepare(std::vector<request>& requests, const buffer_pool& buffers)
{
    set_requests(requests, buffers);
    for (request& r : requests)
        begin(r);
}

void io_source::next(request& r) noexcept
{
    switch (kind_) {
    case io_kind::random_reads: next<io_kind::random_reads>(r); break;
    case io_kind::sequential_reads: next<io_kind::sequential_reads>(r); break;
    case io_kind::any: next<io_kind::any>(r); break;
    }
}

operation io_source::next_operation() noexcept
{
    if (!pattern_.mixed())
        return pattern_.changes.value_or(operation::read);
    // The high half of the product with 100 is a uniform number below 100.
    const std::uint64_t percent = (chance_() >> 32U) * 100 >> 32U;
    return percent < reads_percent_ ? operation::read : *pattern_.changes;
}

std::uint64_t io_source::next_position() noexcept
{
    if (!pattern_.random)
        return next_in_sequence();
    return zipf_ ? scattered_.position_of((*zipf_)(chance_)) : uniform_();
}

void io_source::stamp(const buffer& data) noexcept
{
    for (std::uint32_t at = 0; at + sizeof(std::uint64_t) <= data.size_bytes; at += kStampBytes) {
        const std::uint64_t word = chance_() | 1U; // never zero
        std::memcpy(data.data + at, &word, sizeof word);
    }
}

void io_source::next_of_any(request& r) noexcept
{
    const std::uint64_t slba = first_slba_ + next_position() * blocks_per_io_;
    const buffer_pair& at = buffers_[static_cast<std::size_t>(&r - first_request_)];
    switch (next_operation()) {
    case operation::read:
        r.cmd = read_command(nsid_, slba, blocks_per_io_);
        r.set_buffer(at.read);
        break;
    case operation::write:
        r.cmd = write_command(nsid_, slba, blocks_per_io_);
        stamp(at.write);
        r.set_buffer(at.write);
        break;
    case operation::trim: {
        const dataset_range range{.attributes = 0, .blocks = blocks_per_io_, .slba = slba};
        std::memcpy(at.write.data, &range, sizeof range);
        r.cmd = deallocate_command(nsid_, 1);
        r.set_buffer(part_of(at.write, sizeof range));
        break;
    }
    case operation::write_zeroes:
        r.cmd = write_zeroes_command(nsid_, slba, blocks_per_io_);
        r.set_buffer({});
        break;
    }
}

} // namespace ngpoll::cli
