// SPDX-License-Identifier: MIT
#pragma once

#include <utility>

#include <unistd.h>

namespace ngpoll {

/// Owns a descriptor, or none (-1).
class file_descriptor {
public:
    file_descriptor() noexcept = default;
    explicit file_descriptor(int fd) noexcept
        : fd_(fd)
    {
    }
    file_descriptor(file_descriptor&& from) noexcept
        : fd_(std::exchange(from.fd_, -1))
    {
    }
    file_descriptor& operator=(file_descriptor&& from) noexcept
    {
        std::swap(fd_, from.fd_);
        return *this;
    }
    ~file_descriptor()
    {
        if (fd_ >= 0)
            ::close(fd_);
    }

    [[nodiscard]] int get() const noexcept { return fd_; }

private:
    int fd_ = -1;
};

} // namespace ngpoll
