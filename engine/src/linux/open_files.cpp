// SPDX-License-Identifier: MIT
#include "open_files.hpp"

#include <filesystem>
#include <fstream>
#include <system_error>

#include <fcntl.h>

#include "sysfs.hpp"

namespace ngpoll {

namespace {

namespace fs = std::filesystem;

/// The number behind `name` in a file of /proc with lines "NAME: NUMBER"; 0 where it is missing.
std::uint32_t number_behind(
    const char* name, std::ios_base& (*base)(std::ios_base&), const fs::path& path)
{
    std::uint32_t number = 0;
    std::ifstream file(path);
    for (std::string word; file >> word;)
        if (word == name) {
            file >> base >> number;
            break;
        }
    return number;
}

/// The device of `devices` to which the link of /proc leads, or an empty text. The link is read and
/// not followed: following a file on a server that does not answer would wait for the server.
std::string device_behind(const fs::path& link, std::span<const std::string> devices)
{
    std::error_code none;
    const fs::path target = fs::read_symlink(link, none);
    for (const std::string& device : devices)
        if (!none && target == "/dev/" + device)
            return device;
    return {};
}

} // namespace

bool open_file::is_for_writing() const noexcept { return (flags & O_ACCMODE) != O_RDONLY; }

std::vector<open_file> files_open_on(std::span<const std::string> devices, const std::string& root)
{
    std::vector<open_file> files;
    const fs::path processes = fs::path(root) / "proc";
    for (const std::string& name : names_in(processes.string())) {
        const auto process = number_in(name);
        if (!process)
            continue;
        const fs::path folder = processes / name;
        for (const std::string& number : names_in((folder / "fd").string())) {
            std::string device = device_behind(folder / "fd" / number, devices);
            if (device.empty())
                continue;
            const std::uint32_t flags
                = number_behind("flags:", std::oct, folder / "fdinfo" / number);
            // If the process closed the device meanwhile, the flags are those of another file.
            if (device_behind(folder / "fd" / number, devices) != device)
                continue;
            files.push_back({.device = std::move(device),
                .process = *process,
                .descriptor = number_in(number).value_or(0),
                .flags = flags,
                .program = {}});
            std::ifstream comm(folder / "comm");
            std::getline(comm, files.back().program);
        }
    }
    return files;
}

std::uint32_t parent_of(std::uint32_t process, const std::string& root)
{
    const fs::path folder = fs::path(root) / "proc" / std::to_string(process);
    return number_behind("PPid:", std::dec, folder / "status");
}

} // namespace ngpoll
