// SPDX-License-Identifier: MIT
#pragma once

#include <mutex>
#include <utility>

#include <unistd.h>

#include "process.hpp"

namespace ngpoll {

/// Owns a descriptor of the engine's, or none (-1). A forked child closes its copy at the fork; the
/// object that the child inherits closes nothing, for the number may be another file's by then.
class file_descriptor {
public:
    file_descriptor() noexcept = default;
    /// Of what `open` returns: a descriptor or, where it fails, a negative number, which get() then
    /// returns. No fork comes between the opening and the note of it. Throws std::bad_alloc.
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
        // Until it is closed no fork: the child would close what has the number by then.
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
