// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <new>
#include <string_view>
#include <system_error>
#include <utility>

#include <ngpoll/status.hpp>

#include "error.hpp"

/// Shared parts of the C interface: handles, and errors in place of exceptions.
namespace ngpoll::c_api {

/// A fixed size: the text must fit in when there is no memory left.
inline thread_local char last_error[512] = "";

inline int failed(int errno_value, std::string_view text) noexcept
{
    const std::size_t length = text.copy(last_error, sizeof last_error - 1);
    last_error[length] = '\0';
    return -errno_value;
}

/// Runs `call`. Returns 0, or the exception as a negative errno.
template <class Call>
int guarded(Call&& call) noexcept
{
    try {
        call();
        return 0;
    } catch (const std::system_error& error) {
        // A drive's status is no errno.
        const bool from_drive = error.code().category() == nvme_category();
        return failed(from_drive ? EIO : error.code().value(), error.what());
    } catch (const std::bad_alloc&) {
        return failed(ENOMEM, "out of memory");
    } catch (const std::exception& error) {
        return failed(EINVAL, error.what());
    }
}

/// The object behind a handle. The mark says that the handle is open, and of which kind it is. A
/// closed handle has lost its mark, as far as freed memory can tell.
template <class Object>
struct handle {
    template <class... Arguments>
    explicit handle(std::uint64_t kind, Arguments&&... arguments)
        : object(std::forward<Arguments>(arguments)...)
        , mark(kind)
    {
    }
    Object object; ///< first: a handle's address is its object's address
    /// Atomic: otherwise the compiler drops the store before the delete
    std::atomic<std::uint64_t> mark;
};

/// Makes the object that a call opens. `*opened` is NULL after a failure.
template <class Handle, class Make>
int open_as(std::uint64_t mark, Handle** opened, Make&& make) noexcept
{
    if (opened == nullptr)
        return failed(EINVAL, "there is no place for the handle: `opened` is NULL");
    *opened = nullptr;
    return guarded([&] { *opened = reinterpret_cast<Handle*>(make(mark)); });
}

template <class Object, class Handle>
void close_as(std::uint64_t mark, Handle* closing, const char* mistake) noexcept
{
    if (closing == nullptr)
        return;
    auto* const open = reinterpret_cast<handle<Object>*>(closing);
    // relaxed, both: a handle is closed on one thread.
    if (open->mark.load(std::memory_order_relaxed) != mark)
        detail::stop(mistake);
    open->mark.store(0, std::memory_order_relaxed);
    delete open;
}

template <class Object, class Handle>
Object& object_of(Handle* given, const char* mistake)
{
    if (given == nullptr) [[unlikely]]
        detail::stop(mistake);
    return *reinterpret_cast<Object*>(given);
}

/// For calls that can report a NULL argument.
inline void need(bool given, const char* mistake)
{
    if (!given)
        detail::refuse(mistake);
}

/// Nanoseconds of CLOCK_MONOTONIC, which steady_clock is.
inline std::chrono::steady_clock::time_point time_point_of(std::uint64_t deadline_ns) noexcept
{
    // The clock counts in 63 bits: 292 years. A later deadline never comes either.
    constexpr auto kNever = static_cast<std::uint64_t>(INT64_MAX);
    return std::chrono::steady_clock::time_point(
        std::chrono::nanoseconds(static_cast<std::int64_t>(std::min(deadline_ns, kNever))));
}

} // namespace ngpoll::c_api
