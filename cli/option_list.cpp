// SPDX-License-Identifier: MIT
#include "option_list.hpp"

#include <algorithm>
#include <numeric>
#include <sstream>
#include <stdexcept>
#include <string_view>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

namespace ngpoll::cli {

namespace {

/// The name by which errors call an option.
std::string name_of(const CLI::Option& option)
{
    if (!option.get_snames().empty())
        return "-" + option.get_snames().front();
    if (!option.get_lnames().empty())
        return "--" + option.get_lnames().front();
    return option.get_name(true);
}

/// How many letters must be inserted, removed or replaced to make `a` into `b`.
std::size_t edits_between(std::string_view a, std::string_view b)
{
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = std::exchange(row[0], i);
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
            diagonal = row[j];
            row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
        }
    }
    return row.back();
}

/// "; did you mean NAME?" for the name nearest to `word`; empty where none is near.
std::string nearest(std::string_view word, const std::vector<std::string>& names)
{
    std::string_view best;
    std::size_t edits = 3; // with three changes it is a different word
    for (const std::string& name : names)
        if (const std::size_t here = edits_between(word, name); here < edits) {
            edits = here;
            best = name;
        }
    return best.empty() ? "" : fmt::format("; did you mean {}?", best);
}

const CLI::App* subcommand_given(const CLI::App& app)
{
    const std::vector<CLI::App*> given = app.get_subcommands();
    return given.empty() ? nullptr : given.front();
}

std::string help_command(const CLI::App& app)
{
    const CLI::App* const sub = subcommand_given(app);
    return sub == nullptr ? "ngpoll --help" : fmt::format("ngpoll {} --help", sub->get_name());
}

std::string unknown_word(const CLI::App& app, const std::string& word)
{
    std::vector<std::string> names;
    for (const CLI::App* const each : app.get_subcommands([](const CLI::App*) { return true; }))
        names.push_back(each->get_name());
    return fmt::format("{}: there is no such command{}; the commands are {} ('ngpoll --help' says "
                       "what they do)",
        word, nearest(word, names), fmt::join(names, ", "));
}

std::string unknown_argument(const CLI::App& app, const std::string& word)
{
    const CLI::App* const sub = subcommand_given(app);
    if (!word.starts_with('-'))
        return sub == nullptr ? unknown_word(app, word)
                              : fmt::format("{}: 'ngpoll {}' takes no such argument; '{}' shows "
                                            "what it takes",
                                  word, sub->get_name(), help_command(app));
    std::vector<std::string> names;
    for (const CLI::Option* const option : (sub == nullptr ? app : *sub).get_options())
        for (const std::string& name : option->get_lnames())
            names.push_back("--" + name);
    return fmt::format("{}: there is no such option{}; '{}' lists all", word,
        word.starts_with("--") ? nearest(word.substr(0, word.find('=')), names) : "",
        help_command(app));
}

} // namespace

option_list::option_list(CLI::App& app, const std::string& name, const std::string& description)
    : parser_(app.add_subcommand(name, description))
{
}

void option_list::footer(const std::string& text) { parser_->footer(text); }

CLI::Option& option_list::add(const std::string& names, const reader& read, const text_help& help)
{
    CLI::Option* const option = parser_->add_option_function<std::string>(names, read, help.help);
    option->group(heading_)->type_name(help.type)->multi_option_policy(
        CLI::MultiOptionPolicy::TakeLast);
    if (!help.default_text.empty())
        option->default_str(help.default_text);
    return *option;
}

void option_list::text(const std::string& names, const reader& read, const text_help& help)
{
    add(names, read, help);
}

void option_list::texts(const std::string& names, const reader& read, const text_help& help)
{
    CLI::Option* const option = parser_->add_option_function<std::vector<std::string>>(
        names,
        [read](const std::vector<std::string>& all) {
            for (const std::string& each : all)
                read(each);
        },
        help.help);
    option->group(heading_)->type_name(help.type)->allow_extra_args(false)->multi_option_policy(
        CLI::MultiOptionPolicy::TakeAll);
}

void option_list::arguments(
    const std::string& name, std::vector<std::string>& values, const std::string& help)
{
    parser_->add_option(name, values, help)->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

void option_list::flag(const std::string& names, bool& value, const std::string& help)
{
    parser_->add_flag(names, value, help)->group(heading_);
}

namespace {

/// The name of `names` that errors use: the first short one, or else the first long one.
std::string first_name(const std::string& names)
{
    std::string best;
    for (std::size_t from = 0; from < names.size();) {
        const std::size_t comma = std::min(names.find(',', from), names.size());
        const std::string name = names.substr(from, comma - from);
        if (best.empty() || (best.starts_with("--") && !name.starts_with("--")))
            best = name;
        from = comma + 1;
    }
    return best;
}

} // namespace

void option_list::count(
    const std::string& names, std::uint32_t& value, count_range range, const std::string& help)
{
    add(names,
        [&value, range, name = first_name(names)](const std::string& text) {
            value = static_cast<std::uint32_t>(parse_count(name, text, range));
        },
        {.type = "N", .default_text = fmt::format("{}", value), .help = help});
}

void option_list::bytes(const std::string& names, std::uint64_t& value, const std::string& help)
{
    add(names,
        [&value, name = first_name(names)](
            const std::string& text) { value = parse_bytes(name, text); },
        {.type = "SIZE", .default_text = fmt::format("{}", value), .help = help});
}

void option_list::seconds(const std::string& names, double& value, const std::string& help)
{
    add(names,
        [&value, name = first_name(names)](
            const std::string& text) { value = parse_seconds(name, text); },
        {.type = "SECONDS", .default_text = fmt::format("{}", value), .help = help});
}

void option_list::toggle(const std::string& names, bool& value, const std::string& help)
{
    add(names,
        [&value, name = first_name(names)](
            const std::string& text) { value = parse_switch(name, text); },
        {.type = "0|1", .default_text = value ? "1" : "0", .help = help});
}

namespace {

/// One line about CLI11's error, which also says what to do.
std::string refusal_text(const CLI::App& app, const CLI::ParseError& error)
{
    const std::vector<std::string> unknown = app.remaining(true);
    if (dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr && !unknown.empty())
        return unknown_argument(app, unknown.front());
    const std::string what = error.what();
    if (dynamic_cast<const CLI::ArgumentMismatch*>(&error) != nullptr
        && what.find("missing") != std::string::npos) { // "--depth: 1 required N missing"
        const std::string name = what.substr(0, what.find(':'));
        const CLI::App* const sub = subcommand_given(app);
        const CLI::Option* const option = (sub == nullptr ? app : *sub).get_option_no_throw(name);
        return fmt::format("{}: a value must follow; '{}' says which",
            option == nullptr ? name : name_of(*option), help_command(app));
    }
    return fmt::format("{}; '{}' lists the options", what, help_command(app));
}

} // namespace

application::application(
    const std::string& name, const std::string& description, const std::string& version)
    : app_(std::make_unique<CLI::App>(description, name))
{
    app_->set_version_flag("--version", version);
    app_->require_subcommand(0, 1);
    app_->footer("'ngpoll COMMAND --help' explains a command, with examples.");
}

application::~application() = default;

std::string application::parse(int argc, char** argv)
{
    try {
        app_->parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        if (error.get_exit_code() != 0)
            throw std::invalid_argument(refusal_text(*app_, error));
        // CLI11 reports --help and --version as errors with exit status 0.
        std::ostringstream text;
        app_->exit(error, text, text);
        return text.str();
    }
    return "";
}

command_summary summary_of(const CLI::App& parser)
{
    return {.name = parser.get_name(),
        .description = parser.get_description(),
        .given = parser.parsed()};
}

std::vector<std::string> repeated_options(const CLI::App& parser)
{
    std::vector<std::string> notes;
    for (const CLI::Option* const option : parser.get_options())
        if (option->count() > 1 && option->get_items_expected_max() == 1
            && option->get_multi_option_policy() == CLI::MultiOptionPolicy::TakeLast)
            notes.push_back(
                fmt::format("{} is given {} times; the last one counts, {}", name_of(*option),
                    option->count(), as_given(name_of(*option), option->results().back())));
    return notes;
}

} // namespace ngpoll::cli
