// SPDX-License-Identifier: MIT
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>

#include "catch.hpp"

namespace ngpoll::test {

/// A tree like the kernel's /sys, in its own folder.
class fake_tree {
public:
    fake_tree()
    {
        std::string name = (std::filesystem::temp_directory_path() / "ngpoll-XXXXXX").string();
        REQUIRE(::mkdtemp(name.data()) != nullptr);
        root_ = name;
    }
    ~fake_tree()
    {
        std::error_code none;
        std::filesystem::remove_all(root_, none);
    }
    fake_tree(const fake_tree&) = delete;
    fake_tree& operator=(const fake_tree&) = delete;

    void file(const std::string& path, const std::string& text) const
    {
        std::filesystem::create_directories((root_ / path).parent_path());
        std::ofstream(root_ / path) << text << '\n';
    }
    /// A symbolic link to `to`, a path in this tree.
    void link(const std::string& path, const std::string& to) const
    {
        std::filesystem::create_directories((root_ / path).parent_path());
        std::filesystem::create_directories(root_ / to);
        std::filesystem::create_symlink(root_ / to, root_ / path);
    }
    void remove(const std::string& path) const { std::filesystem::remove_all(root_ / path); }

    [[nodiscard]] std::string root() const { return root_.string(); }

private:
    std::filesystem::path root_;
};

} // namespace ngpoll::test
