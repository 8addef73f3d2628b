// SPDX-License-Identifier: MIT
#include "state_file.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <exception>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string_view>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "crc32c.hpp"

namespace ngpoll::cli {

namespace {

constexpr char kFileMagic[8] = {'n', 'g', 'p', 'o', 'l', 'l', 'v', '1'};
constexpr std::size_t kDriveBytes = 128;

struct file_head {
    char magic[8];
    char drive[kDriveBytes]; ///< padded with zeroes
    std::uint64_t run;
    std::uint64_t first_lba;
    std::uint64_t positions;
    std::uint32_t lba_bytes;
    std::uint32_t block_bytes;
    std::uint32_t reserved;
    std::uint32_t crc; ///< of all bytes before it
};
static_assert(sizeof(file_head) == 176);

struct record {
    std::uint64_t position;
    std::uint32_t generation;
    std::uint32_t crc; ///< of all bytes before it
};
static_assert(sizeof(record) == 16);

/// A record with one of these positions describes a whole generation.
constexpr std::uint64_t kBegun = UINT64_MAX; ///< writes of this generation may have been sent
constexpr std::uint64_t kWhole = UINT64_MAX - 1; ///< each position has this generation

template <class Part>
std::uint32_t crc_before_crc(const Part& part) noexcept
{
    return ~crc32c(&part, sizeof part - sizeof part.crc, kCrcStart);
}

template <class Part>
void add(std::string& bytes, Part part)
{
    part.crc = crc_before_crc(part);
    const std::size_t at = bytes.size();
    bytes.resize(at + sizeof part);
    std::memcpy(bytes.data() + at, &part, sizeof part);
}

/// Reads the next part of a file. Returns false at the end, and if the part is cut off or damaged.
template <class Part>
bool take(std::istream& file, Part& part)
{
    return file.read(reinterpret_cast<char*>(&part), sizeof part)
        && part.crc == crc_before_crc(part);
}

std::string head_of(const verified_range& range)
{
    file_head head{};
    std::memcpy(head.magic, kFileMagic, sizeof kFileMagic);
    range.drive.copy(head.drive, kDriveBytes);
    head.run = range.run;
    head.first_lba = range.first_lba;
    head.positions = range.positions;
    head.lba_bytes = range.lba_bytes;
    head.block_bytes = range.block_bytes;
    std::string bytes;
    add(bytes, head);
    return bytes;
}

void apply(const record& one, written_state& state)
{
    state.generation_max = std::max(state.generation_max, one.generation);
    if (one.position == kWhole)
        std::fill(state.generations.begin(), state.generations.end(), one.generation);
    else if (one.position < state.generations.size())
        state.generations[one.position] = one.generation;
}

/// Returns 0 or an errno.
int write_all(int descriptor, std::string_view bytes)
{
    while (!bytes.empty()) {
        const ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
        if (written >= 0)
            bytes.remove_prefix(static_cast<std::size_t>(written));
        else if (errno != EINTR)
            return errno;
    }
    return 0;
}

/// Writes the shortest file that describes `state`. Returns 0 or an errno.
int write_state(int descriptor, const written_state& state)
{
    constexpr std::size_t kAtOnce = std::size_t{1} << 20U; // a state may have 2^32 records
    const std::vector<std::uint32_t>& generations = state.generations;
    std::string bytes = head_of(state.range);
    const std::uint32_t common
        = generations.empty() ? 0 : *std::min_element(generations.begin(), generations.end());
    if (state.generation_max != 0)
        add(bytes, record{kBegun, state.generation_max, 0});
    if (common != 0)
        add(bytes, record{kWhole, common, 0});
    int reason = 0;
    for (std::uint64_t position = 0; position < generations.size() && reason == 0; ++position) {
        if (generations[position] != common)
            add(bytes, record{position, generations[position], 0});
        if (bytes.size() < kAtOnce)
            continue;
        reason = write_all(descriptor, bytes);
        bytes.clear();
    }
    return reason != 0 ? reason : write_all(descriptor, bytes);
}

void sync_folder_of(const std::string& path)
{
    const std::filesystem::path folder = std::filesystem::path(path).parent_path();
    const int opened
        = ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const bool synced = opened >= 0 && ::fsync(opened) == 0;
    const int reason = errno;
    if (opened >= 0)
        ::close(opened);
    if (!synced)
        throw std::system_error(reason, std::system_category(),
            fmt::format("--state {}: its folder cannot be synced; give another path", path));
}

[[noreturn]] void refuse_file(const std::string& path, std::string_view what)
{
    throw std::invalid_argument(
        fmt::format("--state {}: {}; give another file, or repair this one", path, what));
}

void make_room(const std::string& path, written_state& state)
{
    try {
        state.generations.resize(state.range.positions);
    } catch (const std::exception&) { // bad_alloc or length_error
        refuse_file(path,
            fmt::format(
                "there is not enough memory for its {} I/Os, 4 bytes each", state.range.positions));
    }
}

[[noreturn]] void fail(const std::string& path, int reason)
{
    throw std::system_error(reason, std::system_category(),
        fmt::format(
            "--state {}: not written; the run ends, as it can acknowledge no more writes", path));
}

} // namespace

std::optional<written_state> state_file::load(const std::string& path)
{
    std::ifstream file(path, std::ios::binary);
    if (!file && errno == ENOENT)
        return std::nullopt;
    if (!file)
        refuse_file(path, fmt::format("cannot be read: {}", std::system_category().message(errno)));
    file_head head{};
    const bool is_head = take(file, head)
        && std::memcmp(head.magic, kFileMagic, sizeof kFileMagic) == 0 && head.lba_bytes != 0
        && head.block_bytes != 0 && head.block_bytes % head.lba_bytes == 0;
    if (!is_head)
        refuse_file(path, file.bad() ? "cannot be read" : "no state of ngpoll verify");
    written_state state;
    state.range = {.drive = std::string(head.drive, ::strnlen(head.drive, kDriveBytes)),
        .run = head.run,
        .first_lba = head.first_lba,
        .positions = head.positions,
        .lba_bytes = head.lba_bytes,
        .block_bytes = head.block_bytes};
    make_room(path, state);
    std::uint64_t whole = sizeof head;
    for (record one{}; take(file, one); whole += sizeof one)
        apply(one, state);
    // A part that cannot be read now may be readable the next time: a rewrite would lose it.
    if (file.bad())
        refuse_file(path, fmt::format("cannot be read after byte {}", whole));
    file.clear();
    file.seekg(0, std::ios::end);
    state.bytes_dropped = static_cast<std::uint64_t>(file.tellg()) - whole;
    return state;
}

state_file::state_file(options requested, const written_state& state)
    : requested_(std::move(requested))
{
    rewrite(state);
}

state_file::~state_file()
{
    if (descriptor_ >= 0)
        ::close(descriptor_);
}

void state_file::rewrite(const written_state& state)
{
    // Write a file beside it and rename that file: a kill leaves either the old or the new file.
    const std::string beside = requested_.path + ".part";
    const int made
        = ::open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0666);
    if (made < 0)
        fail(requested_.path, errno);
    int reason = write_state(made, state);
    if (reason == 0 && requested_.durable && ::fsync(made) != 0)
        reason = errno;
    if (reason == 0 && ::rename(beside.c_str(), requested_.path.c_str()) != 0)
        reason = errno;
    if (reason != 0) {
        ::close(made);
        ::unlink(beside.c_str());
        fail(requested_.path, reason);
    }
    if (descriptor_ >= 0)
        ::close(descriptor_);
    descriptor_ = made;
    if (requested_.durable)
        sync_folder_of(requested_.path);
}

void state_file::begin_generation(std::uint32_t generation)
{
    std::string bytes;
    add(bytes, record{kBegun, generation, 0});
    write_records(std::move(bytes));
}

void state_file::append(std::span<const acknowledged_write> writes)
{
    std::string bytes;
    bytes.reserve(writes.size() * sizeof(record));
    for (const acknowledged_write& each : writes)
        add(bytes, record{each.position, each.generation, 0});
    write_records(std::move(bytes));
}

/// One thread at a time writes and syncs. The records of threads that come meanwhile are collected;
/// one of these threads then writes all of them.
void state_file::write_records(std::string&& bytes)
{
    std::unique_lock lock(mutex_);
    pending_ += bytes;
    const std::uint64_t mine = ++taken_;
    while (written_ < mine && failed_ == 0) {
        if (is_syncing_) {
            synced_.wait(lock);
            continue;
        }
        is_syncing_ = true;
        const std::string all = std::exchange(pending_, {});
        const std::uint64_t until = taken_;
        lock.unlock();
        int reason = write_all(descriptor_, all);
        if (reason == 0 && requested_.durable && ::fdatasync(descriptor_) != 0)
            reason = errno;
        lock.lock();
        is_syncing_ = false;
        failed_ = reason;
        if (reason == 0)
            written_ = until;
        synced_.notify_all();
    }
    if (failed_ != 0)
        fail(requested_.path, failed_);
}

} // namespace ngpoll::cli
