// SPDX-License-Identifier: MIT
//
// The kernel's own way to share a poll queue. Each thread has a ring, and one kernel thread submits
// and polls for all of them (IORING_SETUP_SQPOLL, ATTACH_WQ). A thread sleeps in io_uring_enter
// until the kernel thread has found its batch.
// usage: ngpoll_sqpoll_peer THREADS DEPTH SECONDS DEVICE
#include <algorithm>

#include "peer.hpp"

namespace {

class attached_ring {
public:
    /// `first` owns the kernel thread. Null: this ring is the first.
    attached_ring(const peer::arguments& given, const attached_ring* first)
        : depth_(given.depth)
        , reads_(given.device, given.depth)
        , next_position_(reads_.positions())
    {
        io_uring_params params{};
        params.flags
            = IORING_SETUP_SQE128 | IORING_SETUP_CQE32 | IORING_SETUP_IOPOLL | IORING_SETUP_SQPOLL;
        params.sq_thread_idle = 1000; // ms
        if (first != nullptr) {
            params.flags |= IORING_SETUP_ATTACH_WQ;
            params.wq_fd = static_cast<unsigned>(first->ring_.ring_fd);
        }
        peer::check("set up a ring", io_uring_queue_init_params(depth_, &ring_, &params));
        reads_.register_with(ring_);
    }
    attached_ring(const attached_ring&) = delete;
    attached_ring& operator=(const attached_ring&) = delete;
    ~attached_ring() { io_uring_queue_exit(&ring_); }

    /// Reads until `stop`, and then until nothing is in flight.
    void run(peer::progress& done, const peer::stop_word& stop)
    {
        peer::check("register the ring", io_uring_register_ring_fd(&ring_));
        for (unsigned slot = 0; slot < depth_; ++slot)
            queue(slot);
        unsigned outstanding = depth_;
        while (outstanding > 0) {
            const int entered
                = io_uring_submit_and_wait(&ring_, std::min(outstanding, peer::kBatch));
            if (entered != -EINTR)
                peer::check("enter the ring", entered);
            const bool again = !stop.is_set();
            const unsigned found = take_completions(again);
            if (!again)
                outstanding -= found;
            done.add(found);
        }
    }

private:
    void queue(unsigned slot)
    {
        io_uring_sqe* sqe = io_uring_get_sqe(&ring_);
        while (sqe == nullptr) { // the kernel thread has not taken the entries yet
            peer::check("wait for an entry", io_uring_sqring_wait(&ring_));
            sqe = io_uring_get_sqe(&ring_);
        }
        reads_.prepare(sqe, slot, next_position_());
    }

    unsigned take_completions(bool again)
    {
        unsigned head = 0;
        unsigned found = 0;
        io_uring_cqe* cqe = nullptr;
        io_uring_for_each_cqe(&ring_, head, cqe)
        {
            if (cqe->res != 0)
                peer::fail("read", cqe->res < 0 ? -cqe->res : EIO);
            ++found;
            if (again)
                queue(static_cast<unsigned>(cqe->user_data));
        }
        io_uring_cq_advance(&ring_, found);
        return found;
    }

    unsigned depth_;
    peer::random_reads reads_;
    ngpoll::cli::random_position next_position_;
    io_uring ring_{};
};

} // namespace

int main(int count, char** words)
{
    const peer::arguments given = peer::parse(count, words);
    std::deque<attached_ring> rings;
    for (unsigned i = 0; i < given.threads; ++i)
        rings.emplace_back(given, i == 0 ? nullptr : &rings.front());
    return peer::measure(
        given, [&rings](unsigned thread, peer::progress& done, const peer::stop_word& stop) {
            rings[thread].run(done, stop);
        });
}
