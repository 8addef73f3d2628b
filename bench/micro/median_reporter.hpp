// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include <benchmark/benchmark.h>
#include <sys/utsname.h>

/// Prints one line a benchmark: median, median absolute deviation, least and most nanoseconds per
/// item over its repetitions. The library's own table has a line for each repetition and for each
/// of its aggregates, and the mean first.
///
/// A benchmark must call SetItemsProcessed(). With --benchmark_out=FILE the library writes all
/// repetitions as JSON, as ever.
class median_reporter final : public benchmark::BenchmarkReporter {
public:
    bool ReportContext(const Context&) override
    {
        utsname system{};
        ::uname(&system);
        std::printf("%u processors, %s %s %s\n", std::thread::hardware_concurrency(),
            system.sysname, system.release, system.machine);
        std::printf(
            "%-42s %8s %8s %8s %8s %5s\n", "ns per item", "median", "MAD", "min", "max", "times");
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
            lines_[runs.front().family_index] = line(runs.front(), ns);
    }

    /// In the order they were registered: measured in turns, they end in any.
    void Finalize() override
    {
        for (const auto& [index, text] : lines_)
            std::printf("%s\n", text.c_str());
    }

private:
    static std::string line(const Run& run, const std::vector<double>& ns)
    {
        const char* const name = run.run_name.function_name.c_str();
        char text[256];
        if (ns.empty()) {
            std::snprintf(text, sizeof text, "%-42s failed", name);
            return text;
        }
        const double middle = median(ns);
        std::vector<double> deviations;
        for (const double each : ns)
            deviations.push_back(std::abs(each - middle));
        const auto [least, most] = std::minmax_element(ns.begin(), ns.end());
        std::snprintf(text, sizeof text, "%-42s %8.2f %8.2f %8.2f %8.2f %5zu%s%s", name, middle,
            median(deviations), *least, *most, ns.size(), run.report_label.empty() ? "" : "  ",
            run.report_label.c_str());
        return text;
    }

    static double median(std::vector<double> values)
    {
        std::sort(values.begin(), values.end());
        const std::size_t half = values.size() / 2;
        return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
    }

    std::map<std::int64_t, std::string> lines_;
};

/// main() of a benchmark program, with the library's arguments. Without others given, eleven
/// repetitions of each benchmark, of all in turns: a slow moment of the machine then falls on all.
inline int run_benchmarks(int argc, char** argv)
{
    // The last one of each counts.
    std::string repetitions = "--benchmark_repetitions=11";
    std::string in_turns = "--benchmark_enable_random_interleaving=true";
    std::vector<char*> arguments(argv, argv + argc);
    arguments.insert(arguments.begin() + 1, {repetitions.data(), in_turns.data()});
    int count = static_cast<int>(arguments.size());
    arguments.push_back(nullptr);
    benchmark::Initialize(&count, arguments.data());
    if (benchmark::ReportUnrecognizedArguments(count, arguments.data()))
        return 2;
    median_reporter reporter;
    const std::size_t ran = benchmark::RunSpecifiedBenchmarks(&reporter);
    benchmark::Shutdown();
    return ran == 0 ? 1 : 0;
}
