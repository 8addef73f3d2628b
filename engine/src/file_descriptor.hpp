// SPDX-License-Identifier: MIT
#pragma once

#include <mutex>
#include <utility>

#include <unistd.h>

#include "process.hpp"

namespace ngpoll {

/// Owns a descriptor of the engine, or none (-1). A forked child closes its copy at the fork. The
/// object that the child inherits closes nothing: the number may belong to another file by then.
class file_descriptor {
public:
    file_descriptor() noexcept = default;
    /// Owns the descriptor that `open` returns. If `open` returns a negative number, get() returns
    /// that number. No fork comes between the opening and the note of the descriptor. Throws
    /// std::bad_alloc.
    template <class Open>
    [[nodiscard]] static file_descriptor opened_by(Open&& open)
    {
        const std::lock_guard lock(detail::process_mutex());
        file_descriptor made;
        made.fd_ = open();
        if (made.fd_ < 0)
            return made;
        try {
            detail::close_in_forked_child(made.fd_);
        } catch (...) {
            ::close(std::exchange(made.fd_, -1));
            throw;
        }
        return made;
    }
    file_descriptor(file_descriptor&& from) noexcept
        : fd_(std::exchange(from.fd_, -1))
        , process_(from.process_)
    {
    }
    file_descriptor& operator=(file_descriptor&& from) noexcept
    {
        std::swap(fd_, from.fd_);
        std::swap(process_, from.process_);
        return *this;
    }
    ~file_descriptor()
    {
        if (fd_ < 0 || detail::is_inherited(process_))
            return;
        // No fork may come before the close: the child would then close another file with that
        // number.
        const std::lock_guard lock(detail::process_mutex());
        detail::drop_descriptor(fd_);
        ::close(fd_);
    }

    [[nodiscard]] int get() const noexcept { return fd_; }

private:
    int fd_ = -1;
    unsigned process_ = detail::process_generation;
};

} // namespace ngpoll
