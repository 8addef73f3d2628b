// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <ngpoll/nvme_namespace.hpp>

namespace ngpoll {

/// One use of a namespace that a write would destroy.
struct drive_user {
    /// The kinds of use.
    enum class kind {
        mount, ///< a file system is mounted
        swap, ///< the system swaps to it
        device_mapper, ///< dm-crypt, multipath ...
        lvm, ///< device mapper, made by LVM
        md, ///< software RAID
        other_device, ///< another kernel device holds it, for example bcache
        writer, ///< a process opened it for writing
        holder, ///< a process or the kernel (ZFS) holds it exclusively; only a write_permit looks
                ///< for this
    };
    kind what = kind::mount; ///< the kind of this use
    /// For people: "mounted on /home", "dm-0 (vg-home, LVM)", "partition nvme0n1p1 swap".
    std::string text;
    /// The command that ends the use, "umount /home"; empty where there is none
    std::string release;
};

/// The kind's name in C++, for JSON: "mount", "swap", "device_mapper" ...
[[nodiscard]] std::string_view kind_text(drive_user::kind what) noexcept;

/// All uses of a namespace and of its partitions.
struct drive_use {
    std::vector<drive_user> users; ///< each use that was found
    /// Why the uses are not known, or not all of them; empty where they are. Users may be known
    /// beside it.
    std::string unknown;
};

/// Reads the uses of the namespace at `path`, `/dev/ngXnY`, from sysfs and /proc. The device's
/// number counts, not the name in `path`. Finds the uses through all paths, behind a multipath node
/// and behind controllers that the kernel does not join to one node.
///
/// Opens no device, so it disturbs nobody, and needs no root. Without root it cannot see other
/// users' processes. It does not see a mount in another mount namespace, or ZFS: only the exclusive
/// open of a write_permit does. `emu:` has no users. Any thread; allocates. `root` is the folder
/// that holds /sys, /proc and /dev, for tests.
[[nodiscard]] drive_use read_drive_use(std::string_view path, const std::string& root = "/");

/// The name of a namespace for people who are about to write to it: `SERIAL:NSID`, as `ngpoll list`
/// prints it. For an empty serial the PCI address stands in its place. Reads `path`, `serial` and
/// `nsid` of `info`, and sysfs only for an empty serial. Any thread; allocates.
[[nodiscard]] std::string serial_and_nsid(
    const namespace_info& info, const std::string& root = "/");

/// Permission to write to a namespace. Take it before the first write and keep it until the last
/// write has ended. It holds the block device exclusively, so nobody can mount the drive meanwhile.
///
/// Movable, not copyable. Any thread may take, move or drop it. In a forked child the copy holds
/// nothing. A permit does not change what nvme_namespace or the rings do: the program itself has to
/// take one before it writes. While a permit for a namespace exists, a second one is refused in any
/// process, except in the same family (see options::family).
class write_permit {
public:
    /// The name that the user typed for the drive, and exceptions that the caller allows.
    struct options {
        /// The name that the user typed for the drive, `SERIAL:NSID`. An empty name is refused.
        std::string serial_nsid = {};
        /// The user named the drive in another way that cannot be a slip. `serial_nsid` is ignored.
        bool named_otherwise = false;
        /// Write although nobody can tell whether the namespace is in use. A known use is refused
        /// all the same.
        bool force = false;
        /// The option by which the program's user sets `force`, for the text of the error.
        std::string force_option = "--force";
        /// The number of a process. That process and its children share a permit for a namespace,
        /// as jobs of fio do: a second permit is taken from the first. 0: no sharing.
        std::uint32_t family = 0;
    };

    /// Looks for uses of the namespace, as read_drive_use() does, and then opens its block device
    /// exclusively. Waits up to 0.2 s for another program's short look, for example by udev. `emu:`
    /// needs no permit and always gets one.
    ///
    /// Throws std::system_error with one line that says what to do:
    /// - EINVAL: `serial_nsid` is empty, or names another drive;
    /// - EBUSY: the namespace is in use;
    /// - EPERM: the use cannot be found out, and `force` is not set. The namespace has no block
    ///   device, its block device has size 0 for its metadata format, or it may not be opened.
    [[nodiscard]] static write_permit take(const nvme_namespace& target, const options& requested);

    /// Takes over the other permit, which then holds nothing.
    write_permit(write_permit&&) noexcept;
    /// Gives its own permit back, then takes over the other one.
    write_permit& operator=(write_permit&&) noexcept;
    ~write_permit();

    /// Why nobody could tell whether the namespace is in use, where `force` allowed the permit all
    /// the same. Empty where it is known.
    [[nodiscard]] const std::string& unchecked() const noexcept;

private:
    struct held;
    explicit write_permit(std::unique_ptr<held> taken) noexcept;

    std::unique_ptr<held> held_;
};

} // namespace ngpoll
