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
        writer, ///< a process has it open for writing
        holder, ///< held exclusively by a process or by the kernel (ZFS); only a write_permit looks
    };
    kind what = kind::mount; ///< the kind of this use
    /// For people: "mounted on /home", "dm-0 (vg-home, LVM)", "partition nvme0n1p1 swap".
    std::string text;
    std::string release; ///< the command that ends the use, "umount /home"; empty where none does
};

/// "mount", "swap", "device_mapper" ...: the kind's name in C++, for JSON.
[[nodiscard]] std::string_view kind_text(drive_user::kind what) noexcept;

/// What uses a namespace, as a whole or one of its partitions.
struct drive_use {
    std::vector<drive_user> users; ///< each use that was found
    /// Why it cannot be told, or not fully; empty where it can. May stand beside users.
    std::string unknown;
};

/// Reads what uses the namespace at `path`, `/dev/ngXnY`, from sysfs and /proc. The device's number
/// counts, not the name in `path`. Behind a multipath node, and behind controllers that the kernel
/// does not join to one, the uses of all are found.
///
/// Opens no device, so it disturbs nobody, and needs no root. Without root it cannot see other
/// users' processes. It does not see a mount in another mount namespace, or ZFS: only the exclusive
/// open of a write_permit does. `emu:` has no users. Any thread; allocates. `root` is where /sys,
/// /proc and /dev hang, for tests.
[[nodiscard]] drive_use read_drive_use(std::string_view path, const std::string& root = "/");

/// A namespace's name for people who are about to write to it: `SERIAL:NSID`, as `ngpoll list`
/// prints it. The PCI address stands for an empty serial. Reads `path`, `serial` and `nsid` of
/// `info`, and sysfs only for an empty serial. Any thread; allocates.
[[nodiscard]] std::string serial_and_nsid(
    const namespace_info& info, const std::string& root = "/");

/// Leave to write to a namespace. Taken before the first write and kept until the last one ended:
/// it holds the block device exclusively, so that nobody mounts the drive meanwhile.
///
/// Movable, not copyable. Any thread may take, move or drop it. A forked child has none: its copy
/// holds nothing. It does not change what nvme_namespace or the rings do: a program that writes
/// takes one first. A second permit for a namespace is refused while one lives, in any process, but
/// see options::family.
class write_permit {
public:
    /// How the user named the drive, and what is allowed beyond that.
    struct options {
        /// What the user typed to name the drive, `SERIAL:NSID`. Empty: refused.
        std::string serial_nsid = {};
        /// The user named the drive in another way that cannot be a slip; `serial_nsid` is ignored.
        bool named_otherwise = false;
        /// Write although nobody can tell whether the namespace is in use. A use that is found is
        /// refused all the same.
        bool force = false;
        /// What the program's user gives to set `force`, for the text of the error.
        std::string force_option = "--force";
        /// A process's number. That process and its children share a permit for a namespace, as
        /// jobs of fio do: a second permit is taken from the first. 0: nobody shares it.
        std::uint32_t family = 0;
    };

    /// Looks what uses the namespace, as read_drive_use() does, and then opens its block device
    /// exclusively. Waits up to 0.2 s for another program's short look, for example udev's. `emu:`
    /// needs nothing and always gets a permit.
    ///
    /// Throws std::system_error with one line that says what to do: EINVAL (`serial_nsid` is empty,
    /// or another drive's), EBUSY (in use), EPERM (it cannot be told, and `force` is not set: no
    /// block device, one of size 0 for its metadata format, or one that may not be opened).
    [[nodiscard]] static write_permit take(const nvme_namespace& target, const options& requested);

    /// Takes the other permit over; that one holds nothing afterwards.
    write_permit(write_permit&&) noexcept;
    /// Gives its own permit back, then takes the other one over.
    write_permit& operator=(write_permit&&) noexcept;
    ~write_permit();

    /// Why it could not be told whether the namespace is in use; `force` allowed it all the same.
    /// Empty where it could.
    [[nodiscard]] const std::string& unchecked() const noexcept;

private:
    struct held;
    explicit write_permit(std::unique_ptr<held> taken) noexcept;

    std::unique_ptr<held> held_;
};

} // namespace ngpoll
