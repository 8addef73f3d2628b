// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include <sys/stat.h>
#include <sys/types.h>

namespace ngpoll::cli {

/// The file that results are written to once they are all there. Whether it can be written is
/// settled before the run, so that no run is made in vain.
///
/// A regular file is put in place whole: the text goes to FILE.PID.part beside it, which is then
/// renamed. Symbolic links are followed, also to a file that is not there yet. An existing file
/// keeps its mode, and its owner where this process may set it. Anything else (a pipe, a terminal,
/// /dev/null, a file that is this process's standard output) is written to where it is.
/// Used by one thread.
class output_file {
public:
    /// `option` and `path` name it in errors; "-" is standard output, and "" is no file at all.
    /// Waits for the reader of a named pipe. Throws std::system_error or std::invalid_argument.
    output_file(std::string option, std::string path);
    ~output_file();
    output_file(const output_file&) = delete;
    output_file& operator=(const output_file&) = delete;

    /// Whether the text goes to standard output, by whatever name: nothing else may go there then.
    [[nodiscard]] bool is_standard_output() const noexcept { return is_standard_output_; }

    /// Writes `text`, at most once. Throws std::system_error; a regular file is then as it was.
    void finish(const std::string& text);

private:
    void open_existing(const struct stat& found);
    [[nodiscard]] int create_partial() const;
    void replace(const std::string& text);
    /// Where it cannot be replaced. 0, or an errno.
    [[nodiscard]] int write_in_place(const std::string& text) const;
    [[noreturn]] void refuse(const char* why) const;
    [[noreturn]] void fail(int errno_value, const char* what) const;

    std::string name_; ///< "--json FILE"
    std::string path_; ///< of a regular file: what the links lead to
    std::string partial_; ///< beside it; empty: the text goes to `descriptor_`
    bool in_place_ = false; ///< an existing file's folder has no room for a partial one
    int descriptor_ = -1;
    bool is_standard_output_ = false;
};

} // namespace ngpoll::cli
