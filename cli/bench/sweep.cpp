// SPDX-License-Identifier: MIT
#include "sweep.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <string_view>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "../command_line.hpp"
#include "../option_list.hpp"

namespace ngpoll::cli {

namespace {

/// An option whose values can be swept.
struct axis_kind {
    std::string_view key; ///< its letter, or else its name
    std::array<std::string_view, 2> other_names;
    /// The value as a number. Null: the value is a number if all its characters are digits.
    double (*number)(const bench_options&);
};

constexpr axis_kind kAxes[] = {
    {"b", {"bs", "block-size"},
        [](const bench_options& o) { return static_cast<double>(o.block_bytes); }},
    {"d", {"depth", "iodepth"}, nullptr},
    {"s", {"submit-batch"}, nullptr},
    {"c", {"complete-batch"}, nullptr},
    {"n", {"threads", "numjobs"}, nullptr},
    {"p", {"polled"}, nullptr},
    {"B", {"fixed-buffers"}, nullptr},
    {"H", {"huge-pages"}, nullptr},
    {"F", {"registered-file"}, nullptr},
    {"X", {"registered-ring"}, nullptr},
    {"R", {"random"}, nullptr},
    {"t", {"latency"}, nullptr},
    {"rw", {"readwrite"}, nullptr},
    {"rwmixread", {}, nullptr},
    {"random-distribution", {"random_distribution"}, nullptr},
    {"rate", {}, [](const bench_options& o) { return o.rate_iops; }},
    {"offset", {}, nullptr},
    {"size", {}, nullptr},
    {"queues", {}, nullptr},
    {"role", {}, nullptr},
};

const axis_kind* axis_named(std::string_view name)
{
    for (const axis_kind& kind : kAxes)
        if (name == kind.key || (!name.empty() && name == kind.other_names[0])
            || (!name.empty() && name == kind.other_names[1]))
            return &kind;
    return nullptr;
}

std::string option_of(std::string_view key)
{
    return fmt::format("{}{}", key.size() == 1 ? "-" : "--", key);
}

/// Sets one option as the command line does.
void set_option(bench_options& options, std::string_view key, const std::string& value)
{
    application command("ngpoll", "", "");
    option_list bench(command.app(), "bench", "");
    add_options(bench, options);
    std::string name = "ngpoll";
    std::string subcommand = "bench";
    std::string given = fmt::format("{}{}{}", option_of(key), key.size() == 1 ? "" : "=", value);
    std::array<char*, 3> arguments{name.data(), subcommand.data(), given.data()};
    static_cast<void>(command.parse(static_cast<int>(arguments.size()), arguments.data()));
}

bool is_number(const std::string& text)
{
    return !text.empty() && text.size() <= 15
        && text.find_first_not_of("0123456789") == std::string::npos;
}

/// Sets one option more in the cell, and records its value.
void add_value(sweep_cell& cell, const axis_kind& kind, const std::string& text)
{
    set_option(cell.options, kind.key, text);
    swept_value value{.key = std::string(kind.key), .text = text};
    if (kind.number != nullptr)
        value.number = kind.number(cell.options);
    else if (is_number(text))
        value.number = std::stod(text);
    cell.values.push_back(std::move(value));
}

bool are_same(const swept_value& a, const swept_value& b)
{
    return a.number && b.number ? *a.number == *b.number : a.text == b.text;
}

void refuse_twice(const std::vector<sweep_cell>& cells, std::size_t values)
{
    for (std::size_t i = 0; i < values; ++i)
        for (std::size_t j = 0; j < i; ++j)
            if (const swept_value& value = cells[i].values.back();
                are_same(value, cells[j].values.back()))
                refuse_value("--sweep", fmt::format("{}={}", value.key, value.text),
                    "the axis has this value twice; give each one once");
}

} // namespace

sweep_axis parse_sweep(const std::string& word)
{
    const std::size_t equals = word.find('=');
    const axis_kind* const kind = axis_named(word.substr(0, equals));
    if (equals == std::string::npos || kind == nullptr) {
        std::vector<std::string_view> keys;
        for (const axis_kind& each : kAxes)
            keys.push_back(each.key);
        refuse_value("--sweep", word,
            fmt::format("give an option and its values, for example d=1,8,32; the options are {}",
                fmt::join(keys, " ")));
    }
    sweep_axis axis{.key = std::string(kind->key), .values = {}};
    for (std::size_t from = equals + 1; from <= word.size();) {
        const std::size_t comma = std::min(word.find(',', from), word.size());
        axis.values.push_back(word.substr(from, comma - from));
        if (axis.values.back().empty())
            refuse_value("--sweep", word, "a value is missing; give values with commas in between");
        from = comma + 1;
    }
    return axis;
}

std::size_t cell_count(const std::vector<sweep_axis>& axes)
{
    std::size_t count = 1;
    for (const sweep_axis& axis : axes) // limited to kRunsMax + 1, so that nothing overflows
        count = std::min(count * axis.values.size(), kRunsMax + 1);
    return count;
}

std::vector<sweep_cell> cells_of(const bench_options& options)
{
    const std::size_t runs = cell_count(options.sweeps) * options.repeat;
    if (runs > kRunsMax)
        throw std::invalid_argument(fmt::format(
            "--sweep: that is more than {} runs; give fewer values or repetitions", kRunsMax));
    std::vector<sweep_cell> cells{{.options = options, .values = {}}};
    for (std::size_t i = 0; i < options.sweeps.size(); ++i) {
        const sweep_axis& axis = options.sweeps[i];
        for (std::size_t j = 0; j < i; ++j)
            if (options.sweeps[j].key == axis.key)
                throw std::invalid_argument(fmt::format(
                    "--sweep {}= is given twice; give all its values at once", axis.key));
        std::vector<sweep_cell> more;
        for (const sweep_cell& cell : cells)
            for (const std::string& value : axis.values)
                add_value(more.emplace_back(cell), *axis_named(axis.key), value);
        refuse_twice(more, axis.values.size());
        cells = std::move(more);
    }
    return cells;
}

std::string values_text(const std::vector<swept_value>& values)
{
    std::string text;
    for (const swept_value& value : values)
        text += (text.empty() ? "" : " ") + as_given(option_of(value.key), value.text);
    return text;
}

} // namespace ngpoll::cli
