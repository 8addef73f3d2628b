// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace ngpoll::cli {

/// The processor time of the whole process since it started. All threads of the process count,
/// resident pollers and the kernel's workers, too.
struct process_cost {
    double user_ns = 0;
    double system_ns = 0;
    double instructions = 0; ///< since the meter was made; 0 if they are not counted
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

/// Whether instructions and cycles are counted.
struct counter_scope {
    bool counted = false;
    bool kernel = false; ///< the counts include the kernel's instructions and cycles
    std::string why; ///< why a count is missing, and what would help; empty: none is missing
};

/// Measures what a run costs. Make it before the threads of the run: it counts the instructions and
/// cycles of its own thread and of threads that are made later. Used by one thread.
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
