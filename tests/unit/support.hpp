// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <mutex>
#include <random>
#include <string>
#include <system_error>
#include <thread>
#include <tuple>
#include <utility>

#include <ngpoll/poll_queue.hpp>
#include <ngpoll/ring.hpp>

namespace ngpoll::test {

/// A number from the environment, or `otherwise` if the variable is not set.
inline std::uint64_t environment_number(const char* name, std::uint64_t otherwise)
{
    const char* text = std::getenv(name);
    return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

/// How often tests repeat that depend on chance or time: `each` times NGPOLL_TEST_ROUNDS, which is
/// 1 by default and 10 for a full run. Prints the number for the log.
inline std::uint64_t rounds(const char* of_what, std::uint64_t each)
{
    const std::uint64_t all = each * environment_number("NGPOLL_TEST_ROUNDS", 1);
    std::printf("%s: %llu rounds\n", of_what, static_cast<unsigned long long>(all));
    return all;
}

/// Random numbers that can be repeated: prints its seed, and takes one from NGPOLL_TEST_SEED.
class chance {
public:
    explicit chance(const char* of_what)
        : seed_(environment_number("NGPOLL_TEST_SEED", std::random_device{}()))
        , engine_(seed_)
    {
        std::printf("%s: NGPOLL_TEST_SEED=%llu\n", of_what, static_cast<unsigned long long>(seed_));
    }
    /// A second thread's own sequence from the same seed.
    chance(std::uint64_t seed, std::uint64_t stream)
        : seed_(seed)
        , engine_(seed + 1000003 * stream)
    {
    }

    [[nodiscard]] std::uint64_t seed() const { return seed_; }
    /// Returns 0 to `end` - 1.
    std::uint64_t below(std::uint64_t end) { return engine_() % end; }
    bool one_in(std::uint64_t n) { return below(n) == 0; }

private:
    std::uint64_t seed_;
    std::mt19937_64 engine_;
};

/// NGPOLL_TEST_DEADLINE in seconds, two minutes by default.
inline const std::chrono::seconds kDeadline{environment_number("NGPOLL_TEST_DEADLINE", 120)};

/// Prints the state and ends the process if its scope takes too long. For waits inside the engine,
/// which cannot be given a deadline. Another thread prints the state.
class watchdog {
public:
    /// Prints each of `watched`: a queue's description, the figures that a ring shows to other
    /// threads, or the output of a callable. Destroy it before the rings and queues.
    template <class... Watched>
    explicit watchdog(Watched&&... watched)
        : print_state_([all = std::tuple<Watched...>(std::forward<Watched>(watched)...)] {
            std::apply([](const auto&... each) { (print(each), ...); }, all);
        })
        , thread_([this] { watch(); })
    {
    }
    ~watchdog()
    {
        {
            const std::lock_guard lock(mutex_);
            done_ = true;
        }
        changed_.notify_all();
        thread_.join();
    }
    watchdog(const watchdog&) = delete;
    watchdog& operator=(const watchdog&) = delete;

private:
    template <class Print>
    static void print(const Print& print_state)
    {
        print_state();
    }
    static void print(const poll_queue& queue)
    {
        std::fprintf(stderr, "%s", queue.describe().c_str());
    }
    static void print(const ring& watched)
    {
        const ring_stats figures = watched.stats();
        std::fprintf(stderr, "sent %llu, finished inline %llu, deferred %llu, passes %llu\n",
            static_cast<unsigned long long>(figures.sent),
            static_cast<unsigned long long>(figures.finished_inline),
            static_cast<unsigned long long>(figures.finished_deferred),
            static_cast<unsigned long long>(figures.passes));
    }

    void watch()
    {
        std::unique_lock lock(mutex_);
        const auto until = std::chrono::system_clock::now() + kDeadline;
        // The system clock: GCC 12's ThreadSanitizer does not know a wait on the steady clock.
        if (changed_.wait_until(lock, until, [this] { return done_; }))
            return;
        std::fprintf(
            stderr, "no end after %lld s; state:\n", static_cast<long long>(kDeadline.count()));
        print_state_();
        std::abort();
    }

    std::function<void()> print_state_;
    std::mutex mutex_;
    std::condition_variable changed_;
    bool done_ = false;
    std::thread thread_;
};

/// The errno (or NVMe status) and the text that a call threw. Zero and "" if it did not throw.
struct thrown {
    int value = 0;
    std::string text;

    [[nodiscard]] bool says(const std::string& words) const
    {
        return text.find(words) != std::string::npos;
    }
};

template <class Call>
thrown error_of(Call&& call)
{
    try {
        call();
    } catch (const std::system_error& error) {
        return {.value = error.code().value(), .text = error.what()};
    }
    return {};
}

} // namespace ngpoll::test
