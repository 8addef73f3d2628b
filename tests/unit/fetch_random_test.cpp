// SPDX-License-Identifier: MIT
//
// Compares a fetch group with a plain model, with random operations on one thread.
#include <algorithm>
#include <cerrno>
#include <span>

#include "catch.hpp"
#include "fetch_pool.hpp"

using namespace ngpoll;
using namespace ngpoll::test;
using std::chrono::microseconds;
using std::chrono::steady_clock;

namespace {

constexpr std::size_t kRequests = 12;
constexpr std::size_t kFetchesMax = 3;

/// A group and its model: the outstanding requests, in the order in which the drive got them.
class modelled_group {
public:
    modelled_group(scripted_queue& on, std::uint32_t depth, chance& random)
        : on_(on)
        , random_(random)
        , group_(*on.queue, {.depth = depth})
        , requests_(kRequests)
        , polls_(*on.queue, {.depth = 1})
    {
        for (counted_request& r : requests_)
            home_.push_back(&r);
    }

    void step()
    {
        switch (random_.below(12)) {
        case 0:
        case 1:
        case 2: submit(); break;
        case 3: hold(); break;
        case 4: polls_.poll(); break;
        case 5: open_fetch(); break;
        case 6: close_fetch(); break;
        case 7:
        case 8: next_at_once(); break;
        default: next(); break;
        }
    }

    /// Posted fetches give out the outstanding requests, or close() finishes them in place.
    void close()
    {
        on_.drive.held = 0;
        group_.close();
        closed_ = true;
        CHECK(!group_.submit(*(home_.empty() ? out_ : home_).front()));
        while (!fetches_.empty()) {
            if (random_.one_in(4)
                || (next_at_once() == 0 && fetches_[last_].own->has_ended() && random_.one_in(2)))
                close_fetch();
        }
        for (request* const r : out_)
            REQUIRE(is_finished(*r));
        for (const counted_request& r : requests_)
            REQUIRE(r.finished == 0); // no callback
    }

private:
    void submit()
    {
        std::vector<request*> some;
        for (std::uint64_t i = 1 + random_.below(4); i != 0 && !home_.empty(); --i) {
            some.push_back(home_.back());
            home_.pop_back();
        }
        for (request* const r : some) {
            r->cmd = flush_command(1);
            r->cmd.cdw15 = random_.one_in(3) ? 1U << random_.below(3) : 0;
            r->result = 0;
        }
        const std::size_t room = group_.depth() - out_.size();
        const std::uint32_t taken = some.size() == 1 && random_.one_in(2)
            ? static_cast<std::uint32_t>(group_.submit(*some[0]))
            : group_.submit(some);
        REQUIRE(taken == std::min(room, some.size()));
        out_.insert(out_.end(), some.begin(), some.begin() + taken);
        home_.insert(home_.end(), some.begin() + taken, some.end());
    }
    /// From now on other requests stall.
    void hold()
    {
        on_.drive.held = static_cast<std::uint32_t>(random_.below(8));
        has_stalled_ = true;
    }

    void open_fetch()
    {
        if (fetches_.size() == kFetchesMax)
            return;
        const auto most = static_cast<std::uint32_t>(1 + random_.below(4));
        fetches_.push_back(
            {std::make_unique<fetch>(group_, fetch::options{.batch_max = most}), most});
        has_several_ = has_several_ || fetches_.size() > 1;
    }
    void close_fetch()
    {
        if (fetches_.empty())
            return;
        fetches_.erase(fetches_.begin() + static_cast<std::ptrdiff_t>(any_fetch()));
    }
    std::size_t any_fetch() { return last_ = random_.below(fetches_.size()); }

    std::size_t next_at_once()
    {
        if (fetches_.empty())
            return 0;
        const auto until = steady_clock::now() + microseconds(random_.one_in(2) ? 0 : 30);
        return got(fetches_[any_fetch()].own->next(until));
    }
    /// Must return a request, because one is outstanding and none stalls.
    void next()
    {
        if (fetches_.empty() || out_.empty())
            return;
        on_.drive.held = 0;
        REQUIRE(got(fetches_[any_fetch()].own->next()) != 0);
    }

    std::size_t got(std::span<request* const> batch)
    {
        REQUIRE(batch.size() <= fetches_[last_].batch_max);
        for (request* const r : batch) {
            const auto at = std::find(out_.begin(), out_.end(), r);
            REQUIRE(at != out_.end()); // given out once
            // With one worker and a drive that does not stall, requests come in order.
            REQUIRE((has_stalled_ || has_several_ || at == out_.begin()));
            REQUIRE(is_finished(*r));
            out_.erase(at);
            home_.push_back(r);
        }
        if (out_.empty()) // the order starts again
            has_stalled_ = on_.drive.held != 0;
        return batch.size();
    }
    [[nodiscard]] bool is_finished(const request& r) const
    {
        const bool is_cancelled = closed_ && r.status.errno_value == ECANCELED;
        return r.status.taken == 0 && (is_cancelled || is_outcome(r));
    }

    scripted_queue& on_;
    chance& random_;
    fetch_group group_;
    std::vector<counted_request> requests_;
    std::vector<request*> home_, out_;
    ring polls_;
    struct posted {
        std::unique_ptr<fetch> own;
        std::uint32_t batch_max;
    };
    std::vector<posted> fetches_;
    std::size_t last_ = 0;
    bool has_stalled_ = false, has_several_ = false, closed_ = false;
};

} // namespace

TEST_CASE("random operations on a group give out each request once, and in order with one worker")
{
    const auto role = GENERATE(role_policy::waiter, role_policy::resident);
    const std::uint32_t depth = GENERATE(1U, 2U, 3U, 8U);
    CAPTURE(to_string(role), depth);
    chance random("fetch group, random operations");
    CAPTURE(random.seed());
    const std::uint64_t groups = rounds("fetch group, random operations, groups", 40);
    scripted_queue on({.depth = 16, .rings_max = 2, .role = role});
    const watchdog dog(*on.queue);
    for (std::uint64_t i = 0; i < groups; ++i) {
        on.drive.held = 0;
        modelled_group group(on, depth, random);
        for (std::uint64_t steps = random.below(400); steps != 0; --steps)
            group.step();
        group.close();
    }
    CHECK(on.drive.in_flight_now.load() == 0);
}
