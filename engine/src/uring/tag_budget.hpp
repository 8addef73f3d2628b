// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace ngpoll {

/// What one polled queue of this process may have in flight of a hardware queue's tags, from its
/// opening until this is destroyed.
///
/// The kernel has a fallback for commands that find no tag, and before Linux 6.15 the fallback
/// reads submission entries late; see engine/docs/kernel_notes.md, "When the tags run out". So the
/// polled queues of a process together never ask for more tags than there are. What other processes
/// take is not known.
///
/// Rule, for each hardware queue: all queues that may use it, of each namespace, have together at
/// most tags / namespaces in flight. A queue that was told its hardware queue uses that one; any
/// other queue may use each. The division is the kernel's: it gives every active namespace of a
/// controller an equal part of the tags (block/blk-mq.h, hctx_may_queue).
class tag_budget {
public:
    struct claim {
        std::string path; ///< of the namespace, for messages
        std::string controller; ///< what shares the tags
        std::string block; ///< which of its namespaces
        std::uint32_t tags = 0; ///< of one hardware queue
        std::optional<std::uint32_t> hardware_queue; ///< the one that it uses
        std::uint32_t depth = 0; ///< 0: `default_depth`, or what is left
        std::uint32_t default_depth = 0;
    };

    /// None.
    tag_budget() noexcept = default;
    /// Throws std::system_error: EBUSY, with the sum and the limit. Any thread.
    explicit tag_budget(const claim& wanted);
    tag_budget(tag_budget&& from) noexcept;
    tag_budget& operator=(tag_budget&& from) noexcept;
    ~tag_budget();

    /// What `depth` became.
    [[nodiscard]] std::uint32_t depth() const noexcept { return depth_; }

private:
    std::uint64_t ticket_ = 0; ///< 0: none
    std::uint32_t depth_ = 0;
};

} // namespace ngpoll
