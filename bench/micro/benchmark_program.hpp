// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <benchmark/benchmark.h>
#include <sys/utsname.h>

/// Prints one line per benchmark: median, median absolute deviation, minimum and maximum of the
/// nanoseconds per item over its repetitions. The library's own table has a line for each
/// repetition and for each aggregate, with the mean first.
///
/// Benchmarks named "GROUP: NAME" with the same group are compared: the last number is the median
/// divided by the least median of the group. With --benchmark_out=FILE the library writes all
/// repetitions as JSON, as usual.
class median_reporter final : public benchmark::BenchmarkReporter {
public:
    bool ReportContext(const Context&) override
    {
        utsname system{};
        ::uname(&system);
        std::printf("%u processors, %s %s %s\n", std::thread::hardware_concurrency(),
            system.sysname, system.release, system.machine);
        std::printf("%-52s %8s %8s %8s %8s %5s %7s\n", "ns per item", "median", "MAD", "min", "max",
            "times", "ratio");
        std::fflush(stdout);
        return true;
    }

    void ReportRuns(const std::vector<Run>& runs) override
    {
        std::vector<double> ns;
        for (const Run& run : runs) {
            if (run.run_type != Run::RT_Iteration)
                continue; // an aggregate
            const auto rate = run.counters.find("items_per_second");
            if (rate != run.counters.end())
                ns.push_back(1e9 / rate->second);
        }
        if (runs.front().run_type == Run::RT_Iteration)
            lines_[runs.front().family_index]
                = {runs.front().run_name.function_name, runs.front().report_label, std::move(ns)};
    }

    /// Prints in the order of registration. The benchmarks are measured in turns and end in any
    /// order.
    void Finalize() override
    {
        std::map<std::string_view, double> fastest;
        for (const auto& [index, measured] : lines_) {
            if (measured.ns.empty())
                continue;
            double& least = fastest.try_emplace(group(measured.name), HUGE_VAL).first->second;
            least = std::min(least, median(measured.ns));
        }
        for (const auto& [index, measured] : lines_)
            print(measured, fastest[group(measured.name)]);
    }

private:
    struct line {
        std::string name;
        std::string label;
        std::vector<double> ns;
    };

    /// The group in a name; empty if there is none.
    static std::string_view group(std::string_view name)
    {
        const std::size_t end = name.find(": ");
        return end == name.npos ? std::string_view() : name.substr(0, end);
    }

    static void print(const line& measured, double fastest)
    {
        if (measured.ns.empty()) {
            std::printf("%-52s failed\n", measured.name.c_str());
            return;
        }
        const double middle = median(measured.ns);
        std::vector<double> deviations;
        for (const double each : measured.ns)
            deviations.push_back(std::abs(each - middle));
        const auto [least, most] = std::minmax_element(measured.ns.begin(), measured.ns.end());
        std::printf("%-52s %8.2f %8.2f %8.2f %8.2f %5zu", measured.name.c_str(), middle,
            median(deviations), *least, *most, measured.ns.size());
        if (group(measured.name).empty())
            std::printf(" %7s", "");
        else
            std::printf(" %7.2f", middle / fastest);
        std::printf("%s%s\n", measured.label.empty() ? "" : "  ", measured.label.c_str());
    }

    static double median(std::vector<double> values)
    {
        std::sort(values.begin(), values.end());
        const std::size_t half = values.size() / 2;
        return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
    }

    std::map<std::int64_t, line> lines_;
};

/// Prints the number of items of each benchmark, and its name.
class items_reporter final : public benchmark::BenchmarkReporter {
public:
    bool ReportContext(const Context&) override { return true; }

    void ReportRuns(const std::vector<Run>& runs) override
    {
        for (const Run& run : runs) {
            const auto items = run.counters.find("items");
            std::printf("%.0f %s\n", items == run.counters.end() ? 0.0 : items->second.value,
                run.run_name.function_name.c_str());
        }
    }
};

/// A benchmark program with the library's arguments. By default it repeats each benchmark eleven
/// times, all benchmarks in turns, so that a slow moment of the machine affects all of them.
///
/// With --rounds=N as its first argument it runs each benchmark's loop N times, without
/// repetitions, and prints how many items that took. The script item_cost uses it.
class benchmark_program {
public:
    benchmark_program(int argc, char** argv)
        : arguments_(argv, argv + argc)
    {
        constexpr std::string_view kRounds = "--rounds=";
        if (argc > 1 && std::string_view(argv[1]).starts_with(kRounds)) {
            rounds_ = std::strtoll(argv[1] + kRounds.size(), nullptr, 10);
            arguments_.erase(arguments_.begin() + 1);
        }
    }

    /// `measured` must call set_items().
    template <class Function, class... Arguments>
    benchmark::internal::Benchmark* add(
        const std::string& name, Function measured, Arguments... arguments)
    {
        auto* const added = benchmark::RegisterBenchmark(name.c_str(), measured, arguments...);
        return rounds_ > 0 ? added->Iterations(rounds_) : added->MinTime(kSecondsEach);
    }

    static void set_items(benchmark::State& state, std::uint64_t count)
    {
        state.SetItemsProcessed(static_cast<std::int64_t>(count));
        state.counters["items"] = static_cast<double>(count);
    }

    int run()
    {
        // The last argument of a name counts, so the caller's arguments come after these.
        std::string repetitions = "--benchmark_repetitions=11";
        std::string in_turns = "--benchmark_enable_random_interleaving=true";
        if (rounds_ == 0)
            arguments_.insert(arguments_.begin() + 1, {repetitions.data(), in_turns.data()});
        int count = static_cast<int>(arguments_.size());
        arguments_.push_back(nullptr);
        benchmark::Initialize(&count, arguments_.data());
        if (benchmark::ReportUnrecognizedArguments(count, arguments_.data()))
            return 2;
        median_reporter medians;
        items_reporter items;
        const std::size_t ran = rounds_ == 0 ? benchmark::RunSpecifiedBenchmarks(&medians)
                                             : benchmark::RunSpecifiedBenchmarks(&items);
        benchmark::Shutdown();
        return ran == 0 ? 1 : 0;
    }

private:
    static constexpr double kSecondsEach = 0.05;

    std::vector<char*> arguments_;
    std::int64_t rounds_ = 0;
};
