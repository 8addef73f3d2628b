// SPDX-License-Identifier: MIT
//
// The C interface: handles are the C++ objects themselves, requests are laid out alike.
#include <ngpoll/ngpoll.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <exception>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

#include <ngpoll/ngpoll.hpp>

#include "error.hpp"

namespace {

using namespace ngpoll;

static_assert(sizeof(ngpoll_request) == sizeof(request));
static_assert(alignof(ngpoll_request) == alignof(request));
static_assert(sizeof(ngpoll_command) == sizeof(command));
static_assert(sizeof(ngpoll_status) == sizeof(status));
static_assert(NGPOLL_NOT_FIXED == buffer::kNotFixed);
static_assert(NGPOLL_HYBRID == static_cast<int>(poll_mode::hybrid));
static_assert(NGPOLL_INTERRUPT == static_cast<int>(poll_mode::interrupt));
static_assert(NGPOLL_ROLE_LEASE == static_cast<int>(role_policy::lease));
static_assert(NGPOLL_ROLE_GIVE_UP == static_cast<int>(role_policy::give_up));
static_assert(NGPOLL_ROLE_RESIDENT == static_cast<int>(role_policy::resident));

/// A fixed size: what is out of memory must still be said.
thread_local char last_error[512] = "";

int failed(int errno_value, std::string_view text) noexcept
{
    const std::size_t length = text.copy(last_error, sizeof last_error - 1);
    last_error[length] = '\0';
    return -errno_value;
}

/// Runs `call`; 0, or what it threw as a negative errno.
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

const nvme_namespace& of(const ngpoll_namespace* ns) noexcept
{
    return *reinterpret_cast<const nvme_namespace*>(ns);
}
poll_queue& of(ngpoll_queue* queue) noexcept { return *reinterpret_cast<poll_queue*>(queue); }
const poll_queue& of(const ngpoll_queue* queue) noexcept
{
    return *reinterpret_cast<const poll_queue*>(queue);
}
const buffer_pool& of(const ngpoll_buffers* buffers) noexcept
{
    return *reinterpret_cast<const buffer_pool*>(buffers);
}
ring& of(ngpoll_ring* r) noexcept { return *reinterpret_cast<ring*>(r); }
const ring& of(const ngpoll_ring* r) noexcept { return *reinterpret_cast<const ring*>(r); }

status of(ngpoll_status from) noexcept
{
    return {.errno_value = from.errno_value, .nvme_status = from.nvme_status};
}

poll_queue::options options_of(const ngpoll_queue_options& how)
{
    if (how.mode > NGPOLL_INTERRUPT)
        detail::refuse("mode " + std::to_string(how.mode) + " is none of enum ngpoll_mode");
    if (how.role > NGPOLL_ROLE_RESIDENT)
        detail::refuse("role " + std::to_string(how.role) + " is none of enum ngpoll_role");
    return {.depth = how.depth,
        .rings_max = how.rings_max,
        .mode = static_cast<poll_mode>(how.mode),
        .role = static_cast<role_policy>(how.role),
        .registered_file = how.registered_file,
        .registered_ring = how.registered_ring,
        .hardware_queue
        = how.hardware_queue == 0 ? std::nullopt : std::optional(how.hardware_queue),
        .force = how.force};
}

} // namespace

const char* ngpoll_error(void) { return last_error; }

int ngpoll_namespace_open(const char* path, bool writable, ngpoll_namespace** opened)
{
    return guarded([&] {
        *opened = reinterpret_cast<ngpoll_namespace*>(
            new nvme_namespace(nvme_namespace::open(path, {.writable = writable})));
    });
}

void ngpoll_namespace_get_info(const ngpoll_namespace* ns, ngpoll_namespace_info* info)
{
    const namespace_info& from = of(ns).info();
    *info = {.path = from.path.c_str(),
        .model = from.model.c_str(),
        .serial = from.serial.c_str(),
        .firmware = from.firmware.c_str(),
        .capacity_blocks = from.capacity_blocks,
        .nsid = from.nsid,
        .lba_bytes = from.lba_bytes,
        .block_bytes = from.block_bytes(),
        .metadata_bytes = from.metadata_bytes,
        .transfer_bytes_max = from.transfer_bytes_max,
        .queue_depth_max = from.queue_depth_max,
        .polled_queues_max = from.polled_queues_max,
        .has_poll_queues = from.has_poll_queues ? static_cast<int>(*from.has_poll_queues) : -1,
        .emulated = from.emulated,
        .block_device = from.block_device.c_str(),
        .transport = from.transport.c_str()};
}

void ngpoll_namespace_close(ngpoll_namespace* ns) { delete reinterpret_cast<nvme_namespace*>(ns); }

ngpoll_queue_options ngpoll_queue_defaults(void)
{
    const poll_queue::options how;
    return {.depth = how.depth,
        .rings_max = how.rings_max,
        .mode = static_cast<std::uint32_t>(how.mode),
        .role = static_cast<std::uint32_t>(how.role),
        .registered_file = how.registered_file,
        .registered_ring = how.registered_ring,
        .force = how.force,
        .hardware_queue = how.hardware_queue.value_or(0)};
}

int ngpoll_queue_open(
    const ngpoll_namespace* ns, const ngpoll_queue_options* how, ngpoll_queue** opened)
{
    return guarded([&] {
        *opened = reinterpret_cast<ngpoll_queue*>(
            new poll_queue(of(ns), options_of(how != nullptr ? *how : ngpoll_queue_defaults())));
    });
}

ngpoll_mode ngpoll_queue_mode(const ngpoll_queue* queue)
{
    return static_cast<ngpoll_mode>(of(queue).report().mode);
}

ngpoll_role ngpoll_queue_role(const ngpoll_queue* queue)
{
    return static_cast<ngpoll_role>(of(queue).role());
}

std::uint32_t ngpoll_queue_depth(const ngpoll_queue* queue) { return of(queue).depth(); }

void ngpoll_queue_close(ngpoll_queue* queue) { delete reinterpret_cast<poll_queue*>(queue); }

int ngpoll_buffers_open(
    ngpoll_queue* queue, std::uint32_t count, std::uint32_t bytes, ngpoll_buffers** opened)
{
    return guarded([&] {
        *opened = reinterpret_cast<ngpoll_buffers*>(
            new buffer_pool(of(queue), {.count = count, .buffer_bytes = bytes}));
    });
}

int ngpoll_buffers_adopt(ngpoll_queue* queue, void* memory, std::uint32_t count,
    std::uint32_t bytes, ngpoll_buffers** opened)
{
    return guarded([&] {
        *opened = reinterpret_cast<ngpoll_buffers*>(new buffer_pool(of(queue),
            {.count = count, .buffer_bytes = bytes, .memory = static_cast<std::byte*>(memory)}));
    });
}

ngpoll_buffer ngpoll_buffers_at(const ngpoll_buffers* buffers, std::uint32_t index)
{
    const buffer at = of(buffers).at(index);
    return {.data = at.data, .size_bytes = at.size_bytes, .fixed_index = at.fixed_index};
}

void ngpoll_buffers_close(ngpoll_buffers* buffers)
{
    delete reinterpret_cast<buffer_pool*>(buffers);
}

void ngpoll_ignore_completion(ngpoll_request*) { }

void ngpoll_request_init(ngpoll_request* made)
{
    *made = {};
    made->on_complete = ngpoll_ignore_completion;
    made->fixed_index = NGPOLL_NOT_FIXED;
}

void ngpoll_set_buffer(ngpoll_request* asked, ngpoll_buffer target)
{
    reinterpret_cast<request*>(asked)->set_buffer({.data = static_cast<std::byte*>(target.data),
        .size_bytes = target.size_bytes,
        .fixed_index = target.fixed_index});
}

std::size_t ngpoll_status_text(ngpoll_status status, char* text, std::size_t size)
{
    std::size_t length = 0;
    static_cast<void>(guarded([&] {
        const std::string words = of(status).text();
        length = words.size();
        if (size != 0)
            text[words.copy(text, size - 1)] = '\0';
    }));
    return length;
}

ngpoll_ring_options ngpoll_ring_defaults(void)
{
    const ring::options how;
    return {.depth = how.depth, .submit_batch_max = how.submit_batch_max, .event_fd = how.event_fd};
}

int ngpoll_ring_open(ngpoll_queue* queue, const ngpoll_ring_options* how, ngpoll_ring** opened)
{
    return guarded([&] {
        const ngpoll_ring_options asked = how != nullptr ? *how : ngpoll_ring_defaults();
        *opened = reinterpret_cast<ngpoll_ring*>(new ring(of(queue),
            {.depth = asked.depth,
                .submit_batch_max = asked.submit_batch_max,
                .event_fd = asked.event_fd}));
    });
}

std::uint32_t ngpoll_ring_depth(const ngpoll_ring* r) { return of(r).depth(); }

void ngpoll_ring_close(ngpoll_ring* r) { delete reinterpret_cast<ring*>(r); }

bool ngpoll_submit(ngpoll_ring* r, ngpoll_request* asked)
{
    return of(r).submit(*reinterpret_cast<request*>(asked));
}

std::uint32_t ngpoll_submit_all(
    ngpoll_ring* r, ngpoll_request* const* requests, std::uint32_t count)
{
    return of(r).submit(std::span(reinterpret_cast<request* const*>(requests), count));
}

std::uint32_t ngpoll_submit_and_wait(
    ngpoll_ring* r, ngpoll_request* const* requests, std::uint32_t count, std::uint32_t n)
{
    return of(r).submit_and_wait(std::span(reinterpret_cast<request* const*>(requests), count), n);
}

std::uint32_t ngpoll_poll(ngpoll_ring* r) { return of(r).poll(); }

std::uint32_t ngpoll_wait(ngpoll_ring* r, std::uint32_t n) { return of(r).wait(n); }

std::uint32_t ngpoll_wait_until(ngpoll_ring* r, std::uint32_t n, std::uint64_t deadline_ns)
{
    using clock = std::chrono::steady_clock; // CLOCK_MONOTONIC
    return of(r).wait(n, clock::time_point(std::chrono::nanoseconds(deadline_ns)));
}

void ngpoll_flush(ngpoll_ring* r) { of(r).flush(); }

bool ngpoll_arm_event(ngpoll_ring* r, std::uint32_t n) { return of(r).arm_event(n); }

std::uint32_t ngpoll_outstanding(const ngpoll_ring* r) { return of(r).outstanding(); }
