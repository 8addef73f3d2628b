// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "command_line.hpp"

namespace CLI {
class App;
class Option;
} // namespace CLI

namespace ngpoll::cli {

/// The options of one subcommand, with the values that command_line.hpp reads. It stands between
/// the subcommands and CLI11, whose header takes seconds to compile: they need not include it.
///
/// `names` are as CLI11 takes them, "-d,--depth". The first short one, or else the first long one,
/// is the option's name in errors. The last of an option given several times counts; main() says
/// so. A value is stored while the command line is parsed, and what is wrong with it thrown then,
/// as std::invalid_argument. Each `value` must outlive the parsing; what it holds before is printed
/// as the default.
class option_list {
public:
    /// Gets a value as it was given.
    using reader = std::function<void(const std::string&)>;

    /// Makes the command's word `name`.
    option_list(CLI::App& app, const std::string& name, const std::string& description);

    /// What the application knows the subcommand by; the application owns it.
    [[nodiscard]] CLI::App* parser() const noexcept { return parser_; }

    /// The heading in --help of the options that are added next.
    void heading(const std::string& text) { heading_ = text; }
    /// What --help ends with.
    void footer(const std::string& text);

    void count(
        const std::string& names, std::uint32_t& value, count_range range, const std::string& help);
    void bytes(const std::string& names, std::uint64_t& value, const std::string& help);
    void seconds(const std::string& names, double& value, const std::string& help);
    /// An option with the value 0 or 1.
    void toggle(const std::string& names, bool& value, const std::string& help);
    /// An option without a value.
    void flag(const std::string& names, bool& value, const std::string& help);

    struct text_help {
        std::string type; ///< how --help writes the value
        std::string default_text; ///< empty: none is printed
        std::string help;
    };
    void text(const std::string& names, const reader& read, const text_help& help);
    /// An option that may be given several times; all of them count, in their order.
    void texts(const std::string& names, const reader& read, const text_help& help);
    /// Arguments that are no options.
    void arguments(
        const std::string& name, std::vector<std::string>& values, const std::string& help);

private:
    CLI::Option& add(const std::string& names, const reader& read, const text_help& help);

    CLI::App* parser_;
    std::string heading_ = "Options";
};

/// The command with all its subcommands, as CLI11 knows them.
class application {
public:
    application(
        const std::string& name, const std::string& description, const std::string& version);
    ~application();
    application(const application&) = delete;
    application& operator=(const application&) = delete;

    /// For the functions that add a subcommand.
    [[nodiscard]] CLI::App& app() noexcept { return *app_; }

    /// Reads the command line. Returns what --help or --version prints; empty: neither was given.
    /// Throws std::invalid_argument with one line that says what to do.
    [[nodiscard]] std::string parse(int argc, char** argv);

private:
    std::unique_ptr<CLI::App> app_;
};

/// A subcommand as --help has it, and whether the command line has it.
struct command_summary {
    std::string name;
    std::string description;
    bool given = false;
};
[[nodiscard]] command_summary summary_of(const CLI::App& parser);

/// A sentence for each option whose last value alone counts, for it was given several times.
[[nodiscard]] std::vector<std::string> repeated_options(const CLI::App& parser);

} // namespace ngpoll::cli
