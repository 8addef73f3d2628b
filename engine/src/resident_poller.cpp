// SPDX-License-Identifier: MIT
#include "resident_poller.hpp"

#include "transport.hpp"

namespace ngpoll::detail {

resident_poller::resident_poller(
    shared_queue<native>& queue, transport& drive, std::uint64_t number)
    : queue_(queue)
{
    passes_.number = number;
    thread_.emplace([this, &drive] { passes_.seat = drive.attach(); },
        [this, &drive] {
            queue_.its_resident.run(passes_, stop_);
            drive.detach(passes_.seat);
        });
}

resident_poller::~resident_poller()
{
    // seq_cst: not after the look for a sleeping resident; pairs with the resident's look after
    // arming.
    stop_.store(true, std::memory_order_seq_cst);
    queue_.its_resident.wake();
}

} // namespace ngpoll::detail
