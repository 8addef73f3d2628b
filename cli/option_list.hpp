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

/// The options of one subcommand; command_line.hpp reads their values. CLI11's header takes seconds
/// to compile. This class hides it, so that the subcommands need not include it.
///
/// `names` has the form that CLI11 takes: "-d,--depth". Errors call the option by its first short
/// name, or by its first long name if it has no short one. When an option is given several times,
/// the last value counts, and main() prints a note. A value is stored while the command line is
/// parsed; a wrong value throws std::invalid_argument then. Each `value` must outlive the parsing.
/// Its content before the parsing is printed as the default.
class option_list {
public:
    /// Called with a value as the user gave it.
    using reader = std::function<void(const std::string&)>;

    /// Adds the subcommand `name` to `app`.
    option_list(CLI::App& app, const std::string& name, const std::string& description);

    /// The subcommand's parser; the application owns it.
    [[nodiscard]] CLI::App* parser() const noexcept { return parser_; }

    /// Sets the heading in --help of the options that are added next.
    void heading(const std::string& text) { heading_ = text; }
    /// Sets the last lines of --help.
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
    /// An option that may be given several times; all values count, in their order.
    void texts(const std::string& names, const reader& read, const text_help& help);
    /// Arguments that are not options.
    void arguments(
        const std::string& name, std::vector<std::string>& values, const std::string& help);

private:
    CLI::Option& add(const std::string& names, const reader& read, const text_help& help);

    CLI::App* parser_;
    std::string heading_ = "Options";
};

/// The command with all its subcommands; it owns CLI11's objects.
class application {
public:
    application(
        const std::string& name, const std::string& description, const std::string& version);
    ~application();
    application(const application&) = delete;
    application& operator=(const application&) = delete;

    /// The argument of the functions that add a subcommand.
    [[nodiscard]] CLI::App& app() noexcept { return *app_; }

    /// Reads the command line. Returns the text of --help or --version; empty: neither was given.
    /// Throws std::invalid_argument with one line that says what to do.
    [[nodiscard]] std::string parse(int argc, char** argv);

private:
    std::unique_ptr<CLI::App> app_;
};

/// A subcommand as --help shows it, and whether the command line has it.
struct command_summary {
    std::string name;
    std::string description;
    bool given = false;
};
[[nodiscard]] command_summary summary_of(const CLI::App& parser);

/// A sentence for each option that was given several times although only its last value counts.
[[nodiscard]] std::vector<std::string> repeated_options(const CLI::App& parser);

} // namespace ngpoll::cli
