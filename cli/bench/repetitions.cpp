// SPDX-License-Identifier: MIT
#include "repetitions.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "../report/rank_test.hpp"
#include "../text_table.hpp"
#include "text.hpp"

namespace ngpoll::cli {

namespace {

/// The figure that orders the runs of a variant.
double key_of(const bench_result& run)
{
    const bench_interval& all = run.total;
    const bool by_latency = run.options.rate_iops != 0 && all.latency.count != 0;
    return by_latency ? all.latency.p99_ns() : all.iops();
}

void choose_median(repeated_run& of)
{
    std::vector<double> keys;
    for (const bench_result* run : of.runs)
        keys.push_back(key_of(*run));
    of.median = of.runs[place_of_median(keys)];
}

struct spread_figure {
    const char* title;
    double (*of)(const bench_interval&);
    std::string (*text)(double);
};

constexpr spread_figure kSpreadFigures[] = {
    {"IOPS", [](const bench_interval& all) { return all.iops(); }, rate_text},
    {"latency, mean", [](const bench_interval& all) { return all.latency.mean_ns; }, duration_text},
    {"latency, p50", [](const bench_interval& all) { return all.latency.p50_ns(); }, duration_text},
    {"latency, p99", [](const bench_interval& all) { return all.latency.p99_ns(); }, duration_text},
    {"latency, p99.9", [](const bench_interval& all) { return all.latency.at_ns[3]; },
        duration_text},
    {"latency, max", [](const bench_interval& all) { return all.latency.max_ns; }, duration_text},
};

} // namespace

std::vector<std::size_t> take_turns(std::size_t variants, std::uint32_t repetitions)
{
    std::vector<std::size_t> turns;
    for (std::uint32_t i = 0; i < repetitions; ++i)
        for (std::size_t variant = 0; variant < variants; ++variant)
            turns.push_back(variant);
    return turns;
}

std::size_t place_of_median(std::span<const double> values)
{
    std::vector<std::size_t> places(values.size());
    for (std::size_t i = 0; i < places.size(); ++i)
        places[i] = i;
    std::stable_sort(places.begin(), places.end(),
        [&](std::size_t a, std::size_t b) { return values[a] < values[b]; });
    const std::size_t middle = places[(places.size() - 1) / 2];
    return static_cast<std::size_t>(
        std::find(values.begin(), values.end(), values[middle]) - values.begin());
}

std::vector<repeated_run> by_variant(std::span<const bench_result> done)
{
    std::size_t variants = 0;
    for (const bench_result& run : done)
        variants = std::max(variants, run.variant + 1);
    std::vector<repeated_run> grouped;
    for (std::size_t variant = 0; variant < variants; ++variant) {
        repeated_run of;
        for (const bool cut_short : {false, true})
            for (const bench_result& run : done)
                if (run.variant == variant && run.cut_short == cut_short
                    && (!cut_short || of.runs.empty()))
                    of.runs.push_back(&run);
        if (of.runs.empty())
            continue; // this variant has not run
        choose_median(of);
        grouped.push_back(std::move(of));
    }
    return grouped;
}

std::string spread_text(const repeated_run& of)
{
    if (of.runs.size() < 2)
        return {};
    std::vector<std::vector<std::string>> rows{
        {fmt::format("{} runs", of.runs.size()), "median", "least", "most", "spread"}};
    for (const spread_figure& figure : kSpreadFigures) {
        std::vector<double> values;
        for (const bench_result* run : of.runs)
            values.push_back(figure.of(run->total));
        const auto [least, most] = std::minmax_element(values.begin(), values.end());
        if (*most <= 0)
            continue; // not measured
        const double middle = median(values);
        rows.push_back({figure.title, figure.text(middle), figure.text(*least), figure.text(*most),
            middle > 0 ? fmt::format("{:.1f}%", 100 * (*most - *least) / middle) : "-"});
    }
    return table_text(rows);
}

} // namespace ngpoll::cli
