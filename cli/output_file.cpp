// SPDX-License-Identifier: MIT
#include "output_file.hpp"

#include <cerrno>
#include <filesystem>
#include <stdexcept>
#include <string_view>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

namespace ngpoll::cli {

namespace {

constexpr int kLinksMax = 40; ///< as in the kernel
constexpr const char* kUnwritable = "cannot be written there; give another path";
constexpr const char* kNotWritten = "not written";

/// Follows the links at the end of `path`, also to a file that does not exist. The kernel follows
/// links among the folders.
std::string follow_links(std::filesystem::path path)
{
    std::error_code ignored;
    for (int links = 0; links < kLinksMax && std::filesystem::is_symlink(path, ignored); ++links)
        path = path.parent_path() / std::filesystem::read_symlink(path, ignored);
    return path;
}

bool is_same_file(const struct stat& file, int descriptor)
{
    struct stat other { };
    return ::fstat(descriptor, &other) == 0 && other.st_dev == file.st_dev
        && other.st_ino == file.st_ino;
}

bool may_write(int descriptor)
{
    const int flags = ::fcntl(descriptor, F_GETFL);
    return flags >= 0 && (flags & O_ACCMODE) != O_RDONLY;
}

/// Writes all of `text`. On an error returns false and leaves errno set.
bool write_all(int descriptor, std::string_view text)
{
    while (!text.empty()) {
        const ssize_t written = ::write(descriptor, text.data(), text.size());
        if (written >= 0)
            text.remove_prefix(static_cast<std::size_t>(written));
        else if (errno == EAGAIN) {
            // The pipe is full, and somebody made it non-blocking: wait for its reader.
            pollfd room{.fd = descriptor, .events = POLLOUT, .revents = 0};
            ::poll(&room, 1, -1);
        } else if (errno != EINTR)
            return false;
    }
    return true;
}

} // namespace

output_file::output_file(std::string option, std::string path)
    : name_(std::move(option) + " " + path)
    , path_(std::move(path))
{
    if (path_.empty())
        return;
    struct stat found { };
    bool exists = false;
    if (path_ == "-") {
        is_standard_output_ = true;
        if (!may_write(STDOUT_FILENO))
            fail(EBADF, "standard output is closed");
        descriptor_ = ::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0);
    } else if (::stat(path_.c_str(), &found) == 0) {
        exists = true;
        open_existing(found);
    } else if (errno != ENOENT) {
        fail(errno, kUnwritable);
    }
    if (descriptor_ >= 0)
        return;
    path_ = follow_links(std::move(path_));
    partial_ = fmt::format("{}.{}.part", path_, ::getpid());
    // Make the file now, and remove it again. So nothing is left behind when the process is killed
    // during the run.
    const int made = create_partial();
    if (made >= 0) {
        ::close(made);
        ::unlink(partial_.c_str());
        return;
    }
    // The file may be writable although its folder is not, or its name has no room for ".part".
    if (!exists && errno != ENAMETOOLONG)
        fail(errno, kUnwritable);
    partial_.clear();
    in_place_ = true;
}

output_file::~output_file()
{
    if (descriptor_ >= 0)
        ::close(descriptor_);
}

/// Leaves `descriptor_` unset for a regular file, because such a file is replaced.
void output_file::open_existing(const struct stat& found)
{
    if (S_ISDIR(found.st_mode))
        refuse("a folder; give the name of a file in it");
    if (S_ISBLK(found.st_mode))
        refuse("a block device, and its contents would be lost; give a file");
    for (const int standard : {STDOUT_FILENO, STDERR_FILENO})
        if (!S_ISCHR(found.st_mode) && is_same_file(found, standard) && may_write(standard)) {
            // A second open() would write from the start of the file, over the text that is there.
            is_standard_output_ = standard == STDOUT_FILENO;
            descriptor_ = ::fcntl(standard, F_DUPFD_CLOEXEC, 0);
            return;
        }
    const int opened = ::open(path_.c_str(), O_WRONLY | O_NOCTTY | O_CLOEXEC);
    if (opened < 0)
        fail(errno, kUnwritable);
    if (!S_ISREG(found.st_mode)) {
        descriptor_ = opened;
        return;
    }
    ::close(opened);
    // /dev/fd/N may lead to a file that was removed.
    if (found.st_nlink == 0)
        refuse("the file has no name any more; give another path");
}

int output_file::create_partial() const
{
    // An earlier process with the same number may have left such a file. Or somebody else put a
    // link there, through which this process must not write.
    ::unlink(partial_.c_str());
    return ::open(partial_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
}

void output_file::finish(const std::string& text)
{
    if (!partial_.empty())
        return replace(text);
    if (in_place_) {
        if (const int reason = write_in_place(text); reason != 0)
            fail(reason, kNotWritten);
    } else if (descriptor_ >= 0
        && (!write_all(descriptor_, text) || ::close(std::exchange(descriptor_, -1)) != 0)) {
        fail(errno, kNotWritten);
    }
}

void output_file::replace(const std::string& text)
{
    const int made = create_partial();
    if (made < 0)
        fail(errno, kNotWritten);
    struct stat before { };
    if (::stat(path_.c_str(), &before) == 0) {
        // Set the owner first, because that clears bits of the mode. Only root can give files away.
        // If the owner stays ours, drop the set-user-ID bits: they were for the former owner.
        const bool owned = ::fchown(made, before.st_uid, before.st_gid) == 0;
        static_cast<void>(::fchmod(made, before.st_mode & (owned ? 07777U : 0777U)));
    }
    int reason = write_all(made, text) ? 0 : errno;
    if (::close(made) != 0 && reason == 0)
        reason = errno;
    if (reason == 0 && ::rename(partial_.c_str(), path_.c_str()) != 0)
        reason = write_in_place(text);
    if (reason != 0) {
        ::unlink(partial_.c_str());
        fail(reason, kNotWritten);
    }
}

int output_file::write_in_place(const std::string& text) const
{
    // Two kinds of files can be written but not replaced: a mount point, and another user's file in
    // a folder like /tmp.
    const int opened = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (opened < 0)
        return errno;
    int reason = write_all(opened, text) ? 0 : errno;
    if (::close(opened) != 0 && reason == 0)
        reason = errno;
    if (reason == 0 && !partial_.empty())
        ::unlink(partial_.c_str());
    return reason;
}

void output_file::refuse(const char* why) const
{
    throw std::invalid_argument(fmt::format("{}: {}", name_, why));
}

void output_file::fail(int errno_value, const char* what) const
{
    throw std::system_error(
        errno_value, std::system_category(), fmt::format("{}: {}", name_, what));
}

} // namespace ngpoll::cli
