// SPDX-License-Identifier: MIT
//
// The way in which people usually share a poll queue: one ring for all threads, one mutex for
// submission and another for all else. A waiting thread that finds no poller polls for all, until
// it has its own batch. It hands the other threads their completions, and wakes them by condition
// variables.
// usage: ngpoll_mutex_peer THREADS DEPTH SECONDS DEVICE
#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <span>

#include "peer.hpp"

namespace {

class shared_ring {
public:
    explicit shared_ring(const peer::arguments& given)
        : depth_(given.depth)
        , reads_(given.device, given.threads * given.depth)
        , threads_(given.threads)
    {
        // COOP_TASKRUN is not set. Before Linux 7.0 a completion is task work of the thread that
        // submitted the read. Without the flag the kernel interrupts that thread at once, wherever
        // it is. With the flag the poller would wait for a timer tick.
        io_uring_params params{};
        params.flags = IORING_SETUP_SQE128 | IORING_SETUP_CQE32 | IORING_SETUP_IOPOLL;
        peer::check("set up the ring",
            io_uring_queue_init_params(given.threads * given.depth, &ring_, &params));
        reads_.register_with(ring_);
        for (waiter& one : threads_) {
            one.found.reserve(given.depth);
            one.to_wake.reserve(given.threads);
        }
    }
    shared_ring(const shared_ring&) = delete;
    shared_ring& operator=(const shared_ring&) = delete;
    ~shared_ring() { io_uring_queue_exit(&ring_); }

    /// Reads until `stop`, and then until nothing of this thread is in flight.
    void run(unsigned thread, peer::progress& done, const peer::stop_word& stop)
    {
        ngpoll::cli::random_position next_position = reads_.positions();
        std::vector<unsigned> slots(depth_);
        for (unsigned i = 0; i < depth_; ++i)
            slots[i] = thread * depth_ + i;
        submit(slots, next_position);
        unsigned outstanding = depth_;
        while (outstanding > 0) {
            wait(threads_[thread], std::min(outstanding, peer::kBatch), slots);
            done.add(slots.size());
            if (stop.is_set())
                outstanding -= static_cast<unsigned>(slots.size());
            else
                submit(slots, next_position);
        }
    }

private:
    struct waiter {
        std::condition_variable wake;
        std::vector<unsigned> found; ///< completed, and not taken yet
        std::size_t wanted = 0; ///< 0: the thread does not wait
        std::vector<waiter*> to_wake; ///< while this thread polls: threads with a full batch
        [[nodiscard]] bool waits() const { return found.size() < wanted; }

        /// Call it without the lock, because the woken threads need the lock next.
        void wake_them()
        {
            for (waiter* one : to_wake)
                one->wake.notify_one();
            to_wake.clear();
        }
    };

    void submit(std::span<const unsigned> slots, ngpoll::cli::random_position& next_position)
    {
        while (!slots.empty()) {
            const auto some = slots.first(std::min<std::size_t>(slots.size(), peer::kBatch));
            slots = slots.subspan(some.size());
            const std::lock_guard lock(submission_);
            // The ring has an entry for every read that all threads together have in flight.
            for (const unsigned slot : some)
                if (io_uring_sqe* sqe = io_uring_get_sqe(&ring_); sqe != nullptr)
                    reads_.prepare(sqe, slot, next_position());
                else
                    peer::fail("take an entry", ENOBUFS);
            while (io_uring_sq_ready(&ring_) > 0) {
                const int submitted = io_uring_submit(&ring_);
                if (submitted != -EINTR && submitted != -EAGAIN && submitted != -EBUSY)
                    peer::check("submit", submitted);
            }
        }
    }

    /// Waits until `wanted` reads of the thread have completed. Puts all completed ones into
    /// `slots`.
    void wait(waiter& mine, std::size_t wanted, std::vector<unsigned>& slots)
    {
        std::unique_lock lock(completion_);
        mine.wanted = wanted;
        while (mine.waits()) {
            if (somebody_polls_)
                mine.wake.wait(lock);
            else
                poll_until_found(mine, lock);
        }
        mine.wanted = 0;
        slots.swap(mine.found);
        mine.found.clear();
        if (waiter* successor = somebody_polls_ ? nullptr : next_that_waits(); successor != nullptr)
            mine.to_wake.push_back(successor);
        lock.unlock();
        mine.wake_them();
    }

    void poll_until_found(waiter& mine, std::unique_lock<std::mutex>& lock)
    {
        somebody_polls_ = true;
        while (mine.waits()) {
            lock.unlock();
            mine.wake_them();
            const int entered = io_uring_enter(
                static_cast<unsigned>(ring_.ring_fd), 0, kPollFor, IORING_ENTER_GETEVENTS, nullptr);
            if (entered != -EINTR && entered != -EAGAIN && entered != -EBUSY)
                peer::check("poll", entered);
            lock.lock();
            hand_over(mine);
        }
        somebody_polls_ = false;
    }

    void hand_over(waiter& poller)
    {
        unsigned head = 0;
        unsigned found = 0;
        io_uring_cqe* cqe = nullptr;
        io_uring_for_each_cqe(&ring_, head, cqe)
        {
            if (cqe->res != 0)
                peer::fail("read", cqe->res < 0 ? -cqe->res : EIO);
            ++found;
            const auto slot = static_cast<unsigned>(cqe->user_data);
            waiter& owner = threads_[slot / depth_];
            owner.found.push_back(slot);
            if (owner.found.size() == owner.wanted && &owner != &poller)
                poller.to_wake.push_back(&owner);
        }
        io_uring_cq_advance(&ring_, found);
    }

    /// Takes the threads in turns, so that none waits for ever.
    waiter* next_that_waits()
    {
        for (std::size_t i = 0; i < threads_.size(); ++i) {
            turn_ = (turn_ + 1) % threads_.size();
            if (threads_[turn_].waits())
                return &threads_[turn_];
        }
        return nullptr;
    }

    /// So many completions end a call into the kernel. On Linux 7.3 the values 0, 8 and 32 were
    /// slower with 4 threads.
    static constexpr unsigned kPollFor = 1;

    unsigned depth_;
    peer::random_reads reads_;
    io_uring ring_{};
    std::mutex submission_; ///< for the submission queue
    std::mutex completion_; ///< for what follows; the poller holds it outside of the kernel
    bool somebody_polls_ = false; ///< true: a thread polls, and owns the completion queue
    std::deque<waiter> threads_;
    std::size_t turn_ = 0;
};

} // namespace

int main(int count, char** words)
{
    const peer::arguments given = peer::parse(count, words);
    shared_ring ring(given);
    return peer::measure(
        given, [&ring](unsigned thread, peer::progress& done, const peer::stop_word& stop) {
            ring.run(thread, done, stop);
        });
}
