// SPDX-License-Identifier: MIT
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace ngpoll::cli {

/// The drive and the blocks that a state describes.
struct verified_range {
    std::string drive; ///< SERIAL:NSID
    std::uint64_t run = 0; ///< a random number, which is in each stamp
    std::uint64_t first_lba = 0;
    std::uint64_t positions = 0; ///< blocks of `block_bytes` each
    std::uint32_t lba_bytes = 0;
    std::uint32_t block_bytes = 0; ///< of one write

    bool operator==(const verified_range&) const = default;
};

/// The generation of the last acknowledged write of each position, 0 for none.
struct written_state {
    verified_range range;
    std::vector<std::uint32_t> generations;
    std::uint32_t generation_max = 0; ///< the last generation that was begun
    /// Bytes at the end of the file that are cut off or damaged; their content is not known.
    std::uint64_t bytes_dropped = 0;
};

/// A write that the drive has completed.
struct acknowledged_write {
    std::uint64_t position = 0;
    std::uint32_t generation = 0;
};

/// The file of --state. It gets a record of each write before the write counts as acknowledged.
///
/// A record that is written survives a kill of the process. With `durable` each append also waits
/// until the disk has the record, so that the record survives a loss of power. A record that is cut
/// off or damaged does not count when the file is read, nor does anything after it. After each
/// whole pass over the range the file is rewritten, so it holds at most two passes, at 16 bytes per
/// position.
///
/// Several threads may call append() at a time; with `durable` they share a sync. All other calls
/// are for one thread. All calls throw std::system_error.
class state_file {
public:
    struct options {
        std::string path;
        bool durable = false;
    };

    /// The content of the file; nothing if there is no file. Throws std::invalid_argument if it is
    /// another kind of file, cannot be read, or describes more blocks than fit in memory.
    [[nodiscard]] static std::optional<written_state> load(const std::string& path);

    /// Writes `state` to a new file in place of the old one, and keeps the file open.
    state_file(options requested, const written_state& state);
    ~state_file();
    state_file(const state_file&) = delete;
    state_file& operator=(const state_file&) = delete;

    /// Call this before the first write of a generation.
    void begin_generation(std::uint32_t generation);
    /// Returns when the records are safe (see above).
    void append(std::span<const acknowledged_write> writes);
    /// Call this after a whole pass: it makes the file as small as possible.
    void rewrite(const written_state& state);

private:
    void write_records(std::string&& bytes);

    const options requested_;
    int descriptor_ = -1;

    std::mutex mutex_;
    std::condition_variable synced_;
    std::string pending_; ///< records that wait for the sync
    std::uint64_t taken_ = 0; ///< appends so far
    std::uint64_t written_ = 0; ///< appends that are safe
    bool is_syncing_ = false;
    int failed_ = 0; ///< the errno of the first write that failed; nothing is appended after it
};

} // namespace ngpoll::cli
