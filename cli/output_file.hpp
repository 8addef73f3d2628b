// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include <sys/stat.h>
#include <sys/types.h>

namespace ngpoll::cli {

/// A file for results, which is written when all of them exist. The constructor finds out whether
/// the file can be written, so that the results of a long run are not lost at its end.
///
/// A regular file is replaced as a whole: the text goes to a new file FILE.PID.part, and then this
/// file is renamed. Symbolic links are followed, also to a file that does not exist yet. An
/// existing file keeps its mode. It keeps its owner if this process may set it. Anything else is
/// written in place: a pipe, a terminal, /dev/null, a file that is this process's standard output.
/// Used by one thread.
class output_file {
public:
    /// Errors name `option` and `path`. The path "-" is standard output, and "" is no file at all.
    /// Waits for the reader of a named pipe. Throws std::system_error or std::invalid_argument.
    output_file(std::string option, std::string path);
    ~output_file();
    output_file(const output_file&) = delete;
    output_file& operator=(const output_file&) = delete;

    /// Whether the text goes to standard output, under any name of it. If it does, the caller must
    /// print nothing else there.
    [[nodiscard]] bool is_standard_output() const noexcept { return is_standard_output_; }

    /// Writes `text`; call it at most once. When it throws std::system_error, a regular file is as
    /// it was before.
    void finish(const std::string& text);

private:
    void open_existing(const struct stat& found);
    [[nodiscard]] int create_partial() const;
    void replace(const std::string& text);
    /// For a file that cannot be replaced. Returns 0, or an errno.
    [[nodiscard]] int write_in_place(const std::string& text) const;
    [[noreturn]] void refuse(const char* why) const;
    [[noreturn]] void fail(int errno_value, const char* what) const;

    std::string name_; ///< "--json FILE"
    std::string path_; ///< after links were followed, if the file is a regular one
    std::string partial_; ///< FILE.PID.part; empty: the file is not replaced
    bool in_place_ = false; ///< the existing file is overwritten: its folder takes no new file
    int descriptor_ = -1;
    bool is_standard_output_ = false;
};

} // namespace ngpoll::cli
