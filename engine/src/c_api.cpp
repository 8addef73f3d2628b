// SPDX-License-Identifier: MIT
//
// The C interface. A handle is the C++ object itself, and a request has the layout of the C++
// request.
#include <ngpoll/ngpoll.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include <ngpoll/ngpoll.hpp>

#include "c_handle.hpp"
#include "error.hpp"

namespace {

using namespace ngpoll;
using namespace ngpoll::c_api;

// request has a base, so the standard does not promise that offsetof works; this compiler supports
// it.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Winvalid-offsetof"
#define SAME_PLACE(c, cpp, member, engine_name)                                                    \
    static_assert(offsetof(c, engine_name) == offsetof(cpp, member)                                \
        && sizeof(c::engine_name) == sizeof(cpp::member))
static_assert(sizeof(ngpoll_request) == sizeof(request));
static_assert(alignof(ngpoll_request) == alignof(request));
SAME_PLACE(ngpoll_request, request, next, engine_next);
SAME_PLACE(ngpoll_request, request, owner, engine_owner);
SAME_PLACE(ngpoll_request, request, on_complete, on_complete);
SAME_PLACE(ngpoll_request, request, context, context);
SAME_PLACE(ngpoll_request, request, status, status);
SAME_PLACE(ngpoll_request, request, result, result);
SAME_PLACE(ngpoll_request, request, timeout_ms, timeout_ms);
SAME_PLACE(ngpoll_request, request, fixed_index, fixed_index);
SAME_PLACE(ngpoll_request, request, fixed, fixed);
SAME_PLACE(ngpoll_request, request, entry, engine_entry);
SAME_PLACE(ngpoll_request, request, cmd, cmd);
static_assert(sizeof(ngpoll_command) == sizeof(command));
SAME_PLACE(ngpoll_command, command, opcode, opcode);
SAME_PLACE(ngpoll_command, command, flags, flags);
SAME_PLACE(ngpoll_command, command, nsid, nsid);
SAME_PLACE(ngpoll_command, command, cdw2, cdw2);
SAME_PLACE(ngpoll_command, command, cdw3, cdw3);
SAME_PLACE(ngpoll_command, command, metadata, metadata);
SAME_PLACE(ngpoll_command, command, data, data);
SAME_PLACE(ngpoll_command, command, metadata_bytes, metadata_bytes);
SAME_PLACE(ngpoll_command, command, data_bytes, data_bytes);
SAME_PLACE(ngpoll_command, command, slba, slba);
SAME_PLACE(ngpoll_command, command, cdw12, cdw12);
SAME_PLACE(ngpoll_command, command, cdw13, cdw13);
SAME_PLACE(ngpoll_command, command, cdw14, cdw14);
SAME_PLACE(ngpoll_command, command, cdw15, cdw15);
static_assert(sizeof(ngpoll_status) == sizeof(status));
SAME_PLACE(ngpoll_status, status, errno_value, errno_value);
SAME_PLACE(ngpoll_status, status, nvme_status, nvme_status);
SAME_PLACE(ngpoll_status, status, reserved, reserved);
SAME_PLACE(ngpoll_status, status, taken, engine_taken);
#undef SAME_PLACE
#pragma GCC diagnostic pop
static_assert(NGPOLL_NOT_FIXED == buffer::kNotFixed);
static_assert(NGPOLL_HYBRID == static_cast<int>(poll_mode::hybrid));
static_assert(NGPOLL_INTERRUPT == static_cast<int>(poll_mode::interrupt));
static_assert(NGPOLL_ROLE_RESIDENT == static_cast<int>(role_policy::resident));
static_assert(NGPOLL_ROLE_WAITER == static_cast<int>(role_policy::waiter));

constexpr std::uint64_t kNamespaceMark = 0x6e67706f6c6c6e73;
constexpr std::uint64_t kQueueMark = 0x6e67706f6c6c7175;
constexpr std::uint64_t kBuffersMark = 0x6e67706f6c6c6266;
constexpr std::uint64_t kPermitMark = 0x6e67706f6c6c7770;
constexpr std::uint64_t kRingMark = 0x6e67706f6c6c7269;

const nvme_namespace& of(const ngpoll_namespace* ns)
{
    return object_of<const nvme_namespace>(ns, "the namespace is NULL");
}
poll_queue& of(ngpoll_queue* queue) { return object_of<poll_queue>(queue, "the queue is NULL"); }
const poll_queue& of(const ngpoll_queue* queue)
{
    return object_of<const poll_queue>(queue, "the queue is NULL");
}
const buffer_pool& of(const ngpoll_buffers* buffers)
{
    return object_of<const buffer_pool>(buffers, "the buffers are NULL");
}
ring& of(ngpoll_ring* r) { return object_of<ring>(r, "the ring is NULL"); }
const ring& of(const ngpoll_ring* r) { return object_of<const ring>(r, "the ring is NULL"); }

status of(ngpoll_status from) noexcept
{
    return {.errno_value = from.errno_value, .nvme_status = from.nvme_status};
}

poll_queue::options options_of(const ngpoll_queue_options& requested)
{
    if (requested.mode > NGPOLL_INTERRUPT)
        detail::refuse("mode " + std::to_string(requested.mode) + " is none of enum ngpoll_mode");
    if (requested.role > NGPOLL_ROLE_WAITER)
        detail::refuse("role " + std::to_string(requested.role) + " is none of enum ngpoll_role");
    return {.depth = requested.depth,
        .rings_max = requested.rings_max,
        .mode = static_cast<poll_mode>(requested.mode),
        .role = static_cast<role_policy>(requested.role),
        .registered_file = requested.registered_file,
        .registered_ring = requested.registered_ring,
        .hardware_queue
        = requested.hardware_queue == 0 ? std::nullopt : std::optional(requested.hardware_queue),
        .force = requested.force};
}

int open_buffers(
    ngpoll_queue* queue, const buffer_pool::options& requested, ngpoll_buffers** opened) noexcept
{
    return open_as(kBuffersMark, opened, [&](std::uint64_t mark) {
        need(queue != nullptr, "the queue is NULL");
        return new handle<buffer_pool>(mark, of(queue), requested);
    });
}

/// Writes the text that `make` returns, cut to `size` bytes with the final zero. Returns the length
/// of the whole text.
template <class Make>
std::size_t copy_text(Make&& make, char* text, std::size_t size) noexcept
{
    std::size_t length = 0;
    static_cast<void>(guarded([&] {
        const std::string words = make();
        length = words.size();
        if (size != 0)
            text[words.copy(text, size - 1)] = '\0';
    }));
    return length;
}

} // namespace

const char* ngpoll_error(void) { return ngpoll::c_api::last_error; }

void ngpoll_stop(const char* what) { detail::stop(what); }

int ngpoll_namespace_open(const char* path, bool writable, ngpoll_namespace** opened)
{
    return open_as(kNamespaceMark, opened, [&](std::uint64_t mark) {
        need(path != nullptr, "the path is NULL");
        return new handle<nvme_namespace>(mark, nvme_namespace::open(path, {.writable = writable}));
    });
}

void ngpoll_namespace_get_info(const ngpoll_namespace* ns, ngpoll_namespace_info* info)
{
    if (info == nullptr)
        detail::stop("ngpoll_namespace_get_info: `info` is NULL");
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

void ngpoll_namespace_close(ngpoll_namespace* ns)
{
    close_as<nvme_namespace>(kNamespaceMark, ns,
        "ngpoll_namespace_close: the namespace is closed already, or is no namespace");
}

int ngpoll_write_permit_open(const ngpoll_namespace* ns,
    const ngpoll_write_permit_options* requested, ngpoll_write_permit** opened)
{
    return open_as(kPermitMark, opened, [&](std::uint64_t mark) {
        need(ns != nullptr, "the namespace is NULL");
        need(requested != nullptr, "the options are NULL: a drive has to be named");
        write_permit::options options;
        options.named_otherwise = requested->named_otherwise;
        options.force = requested->force;
        options.family = requested->family;
        if (requested->serial_nsid != nullptr)
            options.serial_nsid = requested->serial_nsid;
        if (requested->force_option != nullptr)
            options.force_option = requested->force_option;
        return new handle<write_permit>(mark, write_permit::take(of(ns), options));
    });
}

void ngpoll_write_permit_close(ngpoll_write_permit* permit)
{
    close_as<write_permit>(kPermitMark, permit,
        "ngpoll_write_permit_close: the permit is closed already, or is no permit");
}

ngpoll_queue_options ngpoll_queue_defaults(void)
{
    const poll_queue::options requested;
    return {.depth = requested.depth,
        .rings_max = requested.rings_max,
        .mode = static_cast<std::uint32_t>(requested.mode),
        .role = static_cast<std::uint32_t>(requested.role),
        .registered_file = requested.registered_file,
        .registered_ring = requested.registered_ring,
        .force = requested.force,
        .hardware_queue = requested.hardware_queue.value_or(0)};
}

int ngpoll_queue_open(
    const ngpoll_namespace* ns, const ngpoll_queue_options* requested, ngpoll_queue** opened)
{
    return open_as(kQueueMark, opened, [&](std::uint64_t mark) {
        need(ns != nullptr, "the namespace is NULL");
        return new handle<poll_queue>(
            mark, of(ns), options_of(requested != nullptr ? *requested : ngpoll_queue_defaults()));
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

std::size_t ngpoll_queue_describe(const ngpoll_queue* queue, char* text, std::size_t size)
{
    if (text == nullptr && size != 0)
        detail::stop("ngpoll_queue_describe: `text` is NULL and `size` is not 0");
    return copy_text([&] { return of(queue).describe(); }, text, size);
}

void ngpoll_queue_close(ngpoll_queue* queue)
{
    close_as<poll_queue>(
        kQueueMark, queue, "ngpoll_queue_close: the queue is closed already, or is no queue");
}

int ngpoll_buffers_open(
    ngpoll_queue* queue, std::uint32_t count, std::uint32_t bytes, ngpoll_buffers** opened)
{
    return open_buffers(queue, {.count = count, .buffer_bytes = bytes}, opened);
}

int ngpoll_buffers_adopt(ngpoll_queue* queue, void* memory, std::uint32_t count,
    std::uint32_t bytes, ngpoll_buffers** opened)
{
    if (memory == nullptr) {
        if (opened != nullptr)
            *opened = nullptr;
        return failed(EINVAL,
            "ngpoll_buffers_adopt: the memory is NULL; ngpoll_buffers_open() "
            "allocates it");
    }
    return open_buffers(queue,
        {.count = count, .buffer_bytes = bytes, .memory = static_cast<std::byte*>(memory)}, opened);
}

ngpoll_buffer ngpoll_buffers_at(const ngpoll_buffers* buffers, std::uint32_t index)
{
    const buffer at = of(buffers).at(index);
    return {.data = at.data, .size_bytes = at.size_bytes, .fixed_index = at.fixed_index};
}

void ngpoll_buffers_close(ngpoll_buffers* buffers)
{
    close_as<buffer_pool>(kBuffersMark, buffers,
        "ngpoll_buffers_close: the buffers are closed already, or are no buffers");
}

void ngpoll_ignore_completion(ngpoll_request*) { }

void ngpoll_request_init(ngpoll_request* made)
{
    if (made == nullptr)
        detail::stop("ngpoll_request_init: the request is NULL");
    *made = {};
    made->on_complete = ngpoll_ignore_completion;
    made->fixed_index = NGPOLL_NOT_FIXED;
}

void ngpoll_set_buffer(ngpoll_request* asked, ngpoll_buffer target)
{
    if (asked == nullptr)
        detail::stop("ngpoll_set_buffer: the request is NULL");
    reinterpret_cast<request*>(asked)->set_buffer({.data = static_cast<std::byte*>(target.data),
        .size_bytes = target.size_bytes,
        .fixed_index = target.fixed_index});
}

std::size_t ngpoll_status_text(ngpoll_status status, char* text, std::size_t size)
{
    if (text == nullptr && size != 0)
        detail::stop("ngpoll_status_text: `text` is NULL and `size` is not 0");
    return copy_text([&] { return of(status).text(); }, text, size);
}

ngpoll_ring_options ngpoll_ring_defaults(void)
{
    const ring::options requested;
    return {.depth = requested.depth,
        .submit_batch_max = requested.submit_batch_max,
        .event_fd = requested.event_fd};
}

int ngpoll_ring_open(
    ngpoll_queue* queue, const ngpoll_ring_options* requested, ngpoll_ring** opened)
{
    return open_as(kRingMark, opened, [&](std::uint64_t mark) {
        need(queue != nullptr, "the queue is NULL");
        const ngpoll_ring_options asked
            = requested != nullptr ? *requested : ngpoll_ring_defaults();
        return new handle<ring>(mark, of(queue),
            ring::options{.depth = asked.depth,
                .submit_batch_max = asked.submit_batch_max,
                .event_fd = asked.event_fd});
    });
}

std::uint32_t ngpoll_ring_depth(const ngpoll_ring* r) { return of(r).depth(); }

void ngpoll_ring_close(ngpoll_ring* r)
{
    close_as<ring>(kRingMark, r, "ngpoll_ring_close: the ring is closed already, or is no ring");
}

bool ngpoll_submit(ngpoll_ring* r, ngpoll_request* asked)
{
    if (r == nullptr || asked == nullptr) [[unlikely]]
        return false;
    return of(r).submit(*reinterpret_cast<request*>(asked));
}

std::uint32_t ngpoll_submit_all(
    ngpoll_ring* r, ngpoll_request* const* requests, std::uint32_t count)
{
    if (r == nullptr || requests == nullptr) [[unlikely]]
        return 0;
    return of(r).submit(std::span(reinterpret_cast<request* const*>(requests), count));
}

std::uint32_t ngpoll_submit_and_wait(
    ngpoll_ring* r, ngpoll_request* const* requests, std::uint32_t count, std::uint32_t n)
{
    if (requests == nullptr && count != 0) [[unlikely]]
        detail::stop("ngpoll_submit_and_wait: the requests are NULL");
    return of(r).submit_and_wait(std::span(reinterpret_cast<request* const*>(requests), count), n);
}

std::uint32_t ngpoll_poll(ngpoll_ring* r) { return of(r).poll(); }

std::uint32_t ngpoll_wait(ngpoll_ring* r, std::uint32_t n) { return of(r).wait(n); }

std::uint32_t ngpoll_wait_until(ngpoll_ring* r, std::uint32_t n, std::uint64_t deadline_ns)
{
    return of(r).wait(n, time_point_of(deadline_ns));
}

void ngpoll_flush(ngpoll_ring* r) { of(r).flush(); }

bool ngpoll_arm_event(ngpoll_ring* r, std::uint32_t n)
{
    return r != nullptr && of(r).arm_event(n);
}

std::uint32_t ngpoll_outstanding(const ngpoll_ring* r) { return of(r).outstanding(); }
