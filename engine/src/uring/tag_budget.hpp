// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace ngpoll {

/// The share of one polled queue of this process in a hardware queue's tags. The queue has the
/// share from its opening until this object is destroyed.
///
/// The kernel has a fallback for commands that find no tag. Before Linux 6.15 the fallback reads
/// submission entries late; see engine/docs/kernel_notes.md, "When the tags run out". So the polled
/// queues of a process together never ask for more tags than there are. The use by other processes
/// is not known.
///
/// Rule, for each hardware queue: all queues that may use it, of each namespace, have together at
/// most tags / namespaces in flight. A queue with a hardware queue uses only that one; any other
/// queue may use each. The division is the kernel's: it gives every active namespace of a
/// controller an equal part of the tags (block/blk-mq.h, hctx_may_queue).
class tag_budget {
public:
    struct claim {
        std::string path; ///< the namespace's path, for messages
        std::string controller; ///< the controller or subsystem whose namespaces share the tags
        std::string block; ///< the namespace's block device
        std::uint32_t tags = 0; ///< tags of one hardware queue
        std::optional<std::uint32_t> hardware_queue; ///< the one hardware queue that the queue
                                                     ///< uses; nothing: it may use each
        std::uint32_t depth = 0; ///< 0: `default_depth`, or less if less is left
        std::uint32_t default_depth = 0;
    };

    /// An empty budget: no tags are counted.
    tag_budget() noexcept = default;
    /// Throws std::system_error: EBUSY, with the sum and the limit in the text. Any thread.
    explicit tag_budget(const claim& wanted);
    tag_budget(tag_budget&& from) noexcept;
    tag_budget& operator=(tag_budget&& from) noexcept;
    ~tag_budget();

    /// The depth granted.
    [[nodiscard]] std::uint32_t depth() const noexcept { return depth_; }

private:
    std::uint64_t ticket_ = 0; ///< 0: none
    std::uint32_t depth_ = 0;
};

} // namespace ngpoll
