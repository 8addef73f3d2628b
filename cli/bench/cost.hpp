// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace ngpoll::cli {

/// What the whole process has used since it started: all its threads, resident pollers and the
/// kernel's workers among them.
struct process_cost {
    double user_ns = 0;
    double system_ns = 0;
    double instructions = 0; ///< since the meter was made; 0 where they are not counted
    double cycles = 0;

    [[nodiscard]] double processor_ns() const noexcept { return user_ns + system_ns; }
    [[nodiscard]] process_cost since(const process_cost& before) const noexcept
    {
        return {.user_ns = user_ns - before.user_ns,
            .system_ns = system_ns - before.system_ns,
            .instructions = instructions - before.instructions,
            .cycles = cycles - before.cycles};
    }
};

/// What is counted of a processor's work.
struct counter_scope {
    bool counted = false; ///< instructions and cycles are
    bool kernel = false; ///< the kernel's are among them
    std::string why; ///< something is left out, and what would change that; empty: nothing is
};

/// Measures what a run costs. Counts the instructions and cycles of the threads that are made after
/// it, and of its own, so it comes before the threads. Used by one thread.
class cost_meter {
public:
    cost_meter();
    ~cost_meter();
    cost_meter(const cost_meter&) = delete;
    cost_meter& operator=(const cost_meter&) = delete;

    [[nodiscard]] process_cost read() const noexcept;
    [[nodiscard]] const counter_scope& scope() const noexcept { return scope_; }

private:
    int instructions_ = -1; ///< descriptors; -1: none
    int cycles_ = -1;
    counter_scope scope_;
};

} // namespace ngpoll::cli
