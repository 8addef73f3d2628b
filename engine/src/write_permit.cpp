// SPDX-License-Identifier: MIT
#include <cerrno>
#include <utility>

#include <fmt/format.h>

#include <ngpoll/drive_use.hpp>

#include "error.hpp"
#include "linux/block_devices.hpp"
#include "opened_namespace.hpp"

namespace ngpoll {

struct write_permit::held {
    std::vector<file_descriptor> devices;
    std::string unchecked;
};

namespace {

/// The text does not show the right name: a user who pasted it from there would not have looked
/// which drive it is.
void check_name(const namespace_info& info, const write_permit::options& requested)
{
    if (requested.named_otherwise)
        return;
    if (requested.serial_nsid.empty())
        detail::refuse(fmt::format("{}: writing destroys data; name the drive, --write "
                                   "SERIAL:NSID, as `ngpoll list` prints it",
            info.path));
    if (requested.serial_nsid != serial_and_nsid(info))
        detail::refuse(fmt::format("{} is not the drive that is named, {}; nothing is written. "
                                   "`ngpoll list` prints the SERIAL:NSID of each drive",
            info.path, requested.serial_nsid));
}

[[noreturn]] void refuse_used(const std::string& path, const std::vector<drive_user>& users)
{
    constexpr std::size_t kNamedMax = 3;
    std::string texts;
    std::string release;
    for (std::size_t i = 0; i < users.size(); ++i) {
        if (i < kNamedMax)
            texts += (i == 0 ? "" : ", ") + users[i].text;
        if (release.empty())
            release = users[i].release;
    }
    if (users.size() > kNamedMax)
        texts += fmt::format(", and {} more", users.size() - kNamedMax);
    throw detail::set_up_error(EBUSY,
        fmt::format("{} is in use: {}; nothing is written. End that use first{}", path, texts,
            release.empty() ? "" : fmt::format(", for example with `{}`", release)));
}

} // namespace

write_permit::write_permit(std::unique_ptr<held> taken) noexcept
    : held_(std::move(taken))
{
}
write_permit::write_permit(write_permit&&) noexcept = default;
write_permit& write_permit::operator=(write_permit&&) noexcept = default;
write_permit::~write_permit() = default;

write_permit write_permit::take(const nvme_namespace& target, const options& requested)
{
    const namespace_info& info = target.info();
    auto taken = std::make_unique<held>();
    if (info.emulated)
        return write_permit(std::move(taken));
    check_name(info, requested);
    const block_devices devices = block_devices_of(target.opened()->device_number());
    const drive_use use = use_of(devices);
    if (!use.users.empty())
        refuse_used(info.path, use.users);
    const auto open = [&](const std::string& node, dev_t expected) {
        const int fd = open_exclusively(node, expected);
        return fd == -EBUSY && requested.family != 0
            ? open_from_family(node, expected, requested.family)
            : fd;
    };
    exclusive_claim claim = claim_exclusively(devices, "/", open);
    if (claim.has_other_holder)
        refuse_used(info.path, holders_of(devices));
    taken->devices = std::move(claim.held);
    taken->unchecked = use.unknown.empty() ? claim.unknown : use.unknown;
    if (!taken->unchecked.empty() && !requested.force)
        throw detail::set_up_error(EPERM,
            fmt::format("{}: nobody can tell whether it is in use: {}; nothing is written. Give "
                        "{} if you know that it is not",
                info.path, taken->unchecked, requested.force_option));
    return write_permit(std::move(taken));
}

const std::string& write_permit::unchecked() const noexcept { return held_->unchecked; }

} // namespace ngpoll
