// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <ngpoll/ngpoll.hpp>

#include "catch.hpp"
#include "drive.hpp"
#include "fake_kernel.hpp"
#include "interrupt_rings.hpp"
#include "uring/interrupt_transport.hpp"

using namespace ngpoll;
using test::counted_request;
using test::fake_kernel;
using namespace std::chrono_literals;

namespace {

constexpr int kEvent = 77;

/// A queue by interrupt with a fake kernel for each ring.
class fake_rings final : public interrupt_rings {
public:
    explicit fake_rings(std::vector<fake_kernel*>& kernels)
        : kernels_(kernels)
    {
        report_.mode = poll_mode::interrupt;
    }
    std::unique_ptr<transport> open_ring(const ring_options& requested) override
    {
        if (kernels_max == kernels_.size())
            throw std::system_error(ENOMEM, std::system_category(), "no kernel ring");
        auto kernel = std::make_unique<fake_kernel>(8);
        kernel->on_enter = on_enter;
        kernel->locked_bytes_max = locked_bytes_max;
        kernels_.push_back(kernel.get());
        return std::make_unique<interrupt_transport>(
            std::move(kernel), uring_transport::options{}, buffers_, requested.event_fd);
    }
    std::uint16_t register_buffers(
        std::byte* memory, std::size_t stride, std::uint32_t bytes, std::uint32_t count) override
    {
        return buffers_->add(regions_of(memory, stride, bytes, count));
    }
    void unregister_buffers(std::uint16_t first, std::uint32_t count) noexcept override
    {
        buffers_->remove(first, count);
    }

    static inline std::size_t locked_bytes_max = SIZE_MAX;
    static inline std::size_t kernels_max = SIZE_MAX;
    static inline std::function<void(fake_kernel&)> on_enter; ///< a new kernel starts with it

private:
    std::vector<fake_kernel*>& kernels_;
    std::shared_ptr<buffer_table> buffers_ = std::make_shared<buffer_table>();
};

struct fixture {
    std::vector<fake_kernel*> kernels;
    std::unique_ptr<poll_queue> queue;
    std::vector<counted_request> requests{8};

    fixture()
    {
        fake_rings::locked_bytes_max = fake_rings::kernels_max = SIZE_MAX;
        fake_rings::on_enter = {};
        queue = testing_access::make(
            std::unique_ptr<interrupt_rings>(std::make_unique<fake_rings>(kernels)),
            {.depth = 16, .rings_max = 4, .mode = poll_mode::interrupt});
        for (std::size_t i = 0; i < requests.size(); ++i)
            requests[i].cmd = read_command(1, i, 1);
    }
    ~fixture() { fake_rings::locked_bytes_max = SIZE_MAX; }

    fake_kernel& kernel(std::size_t of_ring = 0) { return *kernels.at(of_ring); }
    std::unique_ptr<buffer_pool> pool(std::uint32_t count)
    {
        return std::make_unique<buffer_pool>(
            *queue, buffer_pool::options{.count = count, .buffer_bytes = 512, .huge_pages = false});
    }
    std::unique_ptr<ring> open(int event_fd = -1)
    {
        auto opened
            = std::make_unique<ring>(*queue, ring::options{.depth = 4, .event_fd = event_fd});
        kernels.back()->on_enter = [](fake_kernel& k) { k.complete_all(); };
        return opened;
    }
};

} // namespace

TEST_CASE("each ring by interrupt has a kernel ring of its own")
{
    fixture f;
    const auto first = f.open(), second = f.open();
    REQUIRE(f.kernels.size() == 2);
    CHECK_FALSE(f.queue->shared());
    REQUIRE(second->submit(f.requests[0]));
    CHECK(second->wait(1) == 1);
    CHECK(f.kernel(0).calls.empty());
    CHECK(f.kernel(1).taken.size() == 1);
    CHECK(second->stats().finished_inline == 1);
}

TEST_CASE("a fetch group by interrupt has a kernel ring, which one thread of its own enters")
{
    fixture f;
    std::set<std::thread::id> entered; // only the group's thread changes it
    fake_rings::on_enter = [&](fake_kernel& k) {
        entered.insert(std::this_thread::get_id());
        k.complete_all();
    };
    {
        fetch_group group(*f.queue, {.depth = 4});
        REQUIRE(f.kernels.size() == 1);
        fetch own(group, {.batch_max = 8});
        std::vector<const request*> got;
        for (unsigned round = 0; round < 100; ++round) {
            std::thread other([&] { CHECK(group.submit(f.requests[0])); });
            CHECK(group.submit(f.requests[1]));
            other.join();
            const auto deadline = std::chrono::steady_clock::now() + 20s;
            while (got.size() < 2 && std::chrono::steady_clock::now() < deadline)
                for (request* const r : own.next(deadline))
                    got.push_back(r);
            CAPTURE(f.queue->describe());
            std::sort(got.begin(), got.end());
            REQUIRE(got == std::vector<const request*>{&f.requests[0], &f.requests[1]});
            got.clear();
        }
        CHECK(f.queue->resident_stats().sent == 200);
        CHECK(f.queue->describe().find("group 1: outstanding: 0") != std::string::npos);
        fake_rings::on_enter = {};
        const fetch_group second(*f.queue); // it has its own ring and thread
        CHECK(f.kernels.size() == 2);
        group.close();
        CHECK(own.next().empty());
        CHECK(own.has_ended());
    }
    CHECK(entered.size() == 1);
    CHECK(entered.count(std::this_thread::get_id()) == 0);
}

TEST_CASE("a worker's event loop gets its batches by interrupt, too")
{
    fixture f;
    fake_rings::on_enter = [](fake_kernel& k) { k.complete_all(); };
    fetch_group group(*f.queue);
    const int event = ::eventfd(0, EFD_CLOEXEC);
    REQUIRE(event >= 0);
    {
        fetch own(group, {.event_fd = event});
        for (unsigned round = 0; round < 100; ++round) {
            CHECK(own.next(std::chrono::steady_clock::now()).empty());
            REQUIRE(group.submit(f.requests[0]));
            pollfd waits{.fd = event, .events = POLLIN, .revents = 0};
            REQUIRE(::poll(&waits, 1, 20'000) == 1);
            eventfd_t count = 0;
            REQUIRE(::eventfd_read(event, &count) == 0);
            const auto batch = own.next(std::chrono::steady_clock::now());
            REQUIRE(batch.size() == 1);
            CHECK(batch[0] == &f.requests[0]);
        }
    }
    ::close(event);
}

TEST_CASE("a fetch group by interrupt that gets no kernel ring throws, and takes no place")
{
    fixture f;
    fake_rings::kernels_max = 0;
    CHECK(test::error_of([&] { const fetch_group group(*f.queue); }).value == ENOMEM);
    fake_rings::kernels_max = SIZE_MAX;
    std::vector<std::unique_ptr<fetch_group>> all;
    for (unsigned i = 0; i < 4; ++i)
        all.push_back(std::make_unique<fetch_group>(*f.queue));
    CHECK(test::error_of([&] { const fetch_group fifth(*f.queue); }).value == EBUSY);
}

TEST_CASE("a wait by interrupt sleeps in the kernel, to its deadline at the latest")
{
    fixture f;
    const auto own = f.open();
    for (std::size_t i = 0; i < 3; ++i)
        REQUIRE(own->submit(f.requests[i]));
    f.kernel().on_enter = {};
    f.kernel().plan = {3, -EINTR};
    const auto deadline = std::chrono::steady_clock::now() + 20ms;
    CHECK(own->wait(2, deadline) == 0);
    REQUIRE(f.kernel().calls.size() >= 3);
    CHECK(std::all_of(
        f.kernel().calls.begin(), f.kernel().calls.end(), [&](const fake_kernel::call& each) {
            return each.min_complete == 2 && each.flags == IORING_ENTER_GETEVENTS
                && each.until == deadline;
        }));
    f.kernel().calls.clear();
    f.kernel().on_enter = [](fake_kernel& k) { k.complete_all(); };
    f.kernel().plan = {-ETIME, 0};
    CHECK(own->wait(3) == 3);
    REQUIRE(f.kernel().calls.size() == 2);
    CHECK(f.kernel().calls[1].min_complete == 3);
    CHECK(f.kernel().calls[1].until == std::chrono::steady_clock::time_point{});
}

TEST_CASE("a ring registers the queue's buffers when it opens, and later buffers at its next call")
{
    fixture f;
    auto early = f.pool(2);
    const auto own = f.open();
    CHECK(f.kernel().table.size() == 2);
    const auto later = f.pool(3);
    CHECK(f.kernel().table.size() == 2);
    request* one[] = {&f.requests[0]};
    switch (GENERATE(0, 1, 2)) {
    case 0: own->poll(); break;
    case 1:
        REQUIRE(own->submit(f.requests[0]));
        own->flush();
        break;
    default: own->submit_and_wait(one, 1);
    }
    CHECK(f.kernel().table.size() == 5);
    CHECK(f.kernel().table.at(later->at(2).fixed_index).iov_base == later->at(2).data);

    // The ring removes the destroyed pool's buffers at its next call, and a new pool uses their
    // places.
    early.reset();
    own->poll();
    CHECK(f.kernel().table.size() == 3);
    const auto again = f.pool(2);
    CHECK(again->at(0).fixed_index == 0);
    own->poll();
    CHECK(f.kernel().table.at(0).iov_base == again->at(0).data);
    // A table that has not changed is not registered again.
    f.kernel().table.clear();
    own->poll();
    CHECK(f.kernel().table.empty());
}

TEST_CASE("commands on buffers that a ring could not register end with ENOMEM")
{
    fixture f;
    fake_rings::locked_bytes_max = 3 * 512;
    const auto own = f.open();
    auto fits = f.pool(2);
    const auto too_many = f.pool(2);
    f.requests[0].set_buffer(fits->at(1));
    f.requests[1].set_buffer(too_many->at(0));
    f.requests[2].set_buffer(too_many->at(1));
    const bool flushed = GENERATE(false, true);
    for (std::size_t i = 0; i < 3; ++i)
        REQUIRE(own->submit(f.requests[i]));
    if (flushed)
        own->flush();
    CHECK(own->wait(3) == 3);
    CHECK(f.requests[0].status.ok());
    CHECK(f.requests[1].status.ok());
    CHECK(f.requests[2].status.errno_value == ENOMEM);
    CHECK(f.requests[2].finished == 1);
    CHECK(f.kernel().taken.size() == 2);
    CHECK(own->outstanding() == 0);

    // A new ring fails at once and leaves no place taken.
    const auto refused = test::error_of([&] { f.open(); });
    CHECK(refused.value == ENOMEM);
    CHECK(refused.says("the queue's 4 buffers"));
    CHECK(refused.says("each ring registers the queue's buffers again"));

    // The ring tries again after another pool is destroyed.
    fits.reset();
    REQUIRE(own->submit(f.requests[2]));
    CHECK(own->wait(1) == 1);
    CHECK(f.requests[2].status.ok());
}

TEST_CASE("an armed ring has the kernel write to its eventfd until the ring polls")
{
    fixture f;
    const auto own = f.open(kEvent);
    CHECK(f.kernel().registered_event == kEvent);
    CHECK(f.kernel().cq_flags == IORING_CQ_EVENTFD_DISABLED);
    // Nothing is outstanding, so the ring arms nothing.
    CHECK(own->arm_event());
    CHECK(f.kernel().cq_flags == IORING_CQ_EVENTFD_DISABLED);

    REQUIRE(own->submit(f.requests[0]));
    REQUIRE(own->submit(f.requests[1]));
    f.kernel().on_enter = {};
    CHECK(own->arm_event(2));
    CHECK(f.kernel().cq_flags == 0);
    CHECK(f.kernel().taken.size() == 2);
    CHECK(f.kernel().calls.back().min_complete == 0);
    CHECK(f.kernel().calls.back().flags == IORING_ENTER_GETEVENTS);
    f.kernel().complete(0, 0);
    // One completion is enough, whatever `n` was.
    CHECK_FALSE(own->arm_event(2));
    CHECK(f.kernel().cq_flags == IORING_CQ_EVENTFD_DISABLED);
    CHECK(own->poll() == 1);
    CHECK(own->arm_event());
    CHECK(own->poll() == 0);
    CHECK(f.kernel().cq_flags == IORING_CQ_EVENTFD_DISABLED);
    // The ring notices a completion that comes with the call that arms.
    f.kernel().on_enter = [](fake_kernel& k) { k.complete_all(); };
    CHECK_FALSE(own->arm_event());
    CHECK(own->poll() == 1);
}

TEST_CASE("a ring by interrupt is not armed if it could not send its staged requests")
{
    fixture f;
    const auto own = f.open(kEvent);
    REQUIRE(own->submit(f.requests[0]));
    f.kernel().plan = {-EAGAIN, -EAGAIN};
    CHECK_FALSE(own->arm_event());
    CHECK(own->poll() == 1);
}
