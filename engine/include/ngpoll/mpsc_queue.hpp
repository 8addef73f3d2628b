// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstddef>
#include <utility>

namespace ngpoll {

/// The link inside each queued object. It belongs to the owner of the object, and to the queue
/// while the object is queued.
template <template <class> class Atomic = std::atomic>
struct mpsc_node {
    Atomic<mpsc_node*> next{nullptr}; ///< the next object in the queue
};

/// An intrusive, unbounded FIFO for many producers and one consumer: Dmitry Vyukov's node-based
/// MPSC queue with a stub node. It allocates nothing and retries nothing.
///
/// Calls that may overlap, by thread:
///
///     |            | push          | pop, empty            | all_popped  |
///     | push       | any threads   | may overlap           | may overlap |
///     | pop, empty | may overlap   | one thread at a time  | may overlap |
///
/// Consumers may take turns if something else (a lock, a role) orders the last call of one before
/// the first call of the next. The consumer's cursor lives outside the queue, on a cache line of
/// its own, so that producers never take that line away. Nodes and queue must outlive every call on
/// them.
///
/// Linearisation points. Of push: its exchange on `tail_`. Of a pop that returns a node: the
/// acquire load of the link, if the node is not the last, else the compare-exchange that puts the
/// stub back. Nodes come out in the order of the exchanges.
///
/// A push has two steps: the exchange publishes the new tail, the store links it. Between them
/// pop() returns nothing while empty() says false. The consumer then comes back later. It must
/// neither spin there while it holds something that the producer needs, nor go to sleep.
///
/// Happens-before edges:
///   Q1  push's link store (release) -> pop's link load (acquire): the node's contents.
///   Q2  pop's put-back compare-exchange (release) -> push's exchange (acquire): the consumer's
///       reset of `stub_.next` comes before the producer's link into it.
///   Q3  push's exchange (release) -> the next push's exchange (acquire): `prev`'s own null link
///       comes before the store that overwrites it.
///
/// Invariant: from the cursor, `next` leads to `tail_`, except for one gap for each producer that
/// is between its two steps.
///
/// `Atomic` is std::atomic, or the replacement of a model checker with the same members.
template <template <class> class Atomic = std::atomic>
class mpsc_queue {
public:
    /// The base of each object that the queue holds.
    using node = mpsc_node<Atomic>;

    /// The consumer's position. It starts at cursor(queue) and is passed to every pop.
    class alignas(64) cursor {
    public:
        /// Starts at the beginning of an empty queue.
        explicit cursor(mpsc_queue& queue) noexcept
            : head_(&queue.stub_)
        {
        }

    private:
        friend class mpsc_queue;
        node* head_;
    };

    /// The result of a pop. `emptied` says that the queue was empty after this node had been taken.
    /// A drain loop then stops without a second look, which bounds the loop.
    struct popped {
        node* taken = nullptr; ///< null: the queue was empty, or a push is not done
        bool emptied = false; ///< `taken` was the last node
    };

    mpsc_queue() noexcept
        : tail_(&stub_)
    {
    }
    mpsc_queue(const mpsc_queue&) = delete;
    mpsc_queue& operator=(const mpsc_queue&) = delete;

    /// Appends one node. Wait-free. Returns whether the queue was empty just before.
    bool push(node& last) noexcept { return push_chain(last, last); }

    /// Appends the nodes from `first` to `last`, which `next` links already, in one step: they stay
    /// in order, and no other node comes between them. Wait-free, the cost of one push.
    bool push_chain(node& first, node& last) noexcept
    {
        // relaxed: published by the exchange below (Q3).
        last.next.store(nullptr, std::memory_order_relaxed);
        // Release publishes last.next (Q3). Acquire pairs with pop's put-back (Q2) and with the
        // previous push (Q3), so that the link below comes after their stores to it. seq_cst: a
        // producer that looks for a sleeper afterwards must not have its look moved before this. It
        // pairs with the load in empty(), by a consumer that has said it will sleep.
        node* prev = tail_.exchange(&last, std::memory_order_seq_cst);
        // Compared before the link: once linked, the consumer may take `prev` away.
        const bool was_empty = prev == &stub_;
        // release: publishes the contents of the whole chain (Q1); pairs with pop's link loads.
        prev->next.store(&first, std::memory_order_release);
        return was_empty;
    }

    /// Takes the oldest node. Takes nothing if the queue is empty, or its next node is not linked
    /// yet.
    [[nodiscard]] popped pop(cursor& at) noexcept
    {
        node* head = at.head_;
        // acquire: the node behind `head` and its contents (Q1); pairs with push's link store.
        node* next = head->next.load(std::memory_order_acquire);
        if (head == &stub_) {
            if (next == nullptr)
                return {};
            // The cursor leaves the stub. The stub is reset here, once per emptying, and not at the
            // put-back: this keeps the put-back's window small. relaxed: published by the
            // put-back's release (Q2).
            stub_.next.store(nullptr, std::memory_order_relaxed);
            at.head_ = head = next;
            // acquire: as above (Q1).
            next = head->next.load(std::memory_order_acquire);
        }
        if (next != nullptr) {
            at.head_ = next;
            return {.taken = head};
        }
        return pop_last(at, head);
    }

    /// Like pop() in a loop, but cheaper: calls use(node) for up to `most` nodes, oldest first, and
    /// returns how many. Ends where pop() finds nothing, and after a node that emptied the queue. A
    /// node belongs to the caller as soon as `use` has it. `use` may push it again, also to this
    /// queue, but must not pop from this queue.
    template <class Use>
    std::size_t pop_each(cursor& at, std::size_t most, Use&& use) noexcept
    {
        std::size_t count = 0;
        while (count < most) {
            const auto [taken, emptied] = pop(at); // also leaves the stub, and puts it back
            if (taken == nullptr)
                break;
            ++count;
            use(*taken);
            if (emptied)
                break;
            // The cursor is at a node now, and the links lead only to nodes: never to the stub.
            node* head = at.head_;
            for (; count < most; ++count) {
                // acquire: as in pop() (Q1).
                node* const next = head->next.load(std::memory_order_acquire);
                if (next == nullptr)
                    break;
                use(*std::exchange(head, next));
            }
            at.head_ = head;
        }
        return count;
    }

    /// Consumer only. Returns false while a producer is between its two steps, though pop() finds
    /// nothing.
    [[nodiscard]] bool empty(const cursor& at) const noexcept
    {
        // seq_cst: a consumer that has said it will sleep must not have this look moved before that
        // store. It pairs with the exchange in push. Nothing is read through the value.
        return at.head_ == &stub_ && tail_.load(std::memory_order_seq_cst) == &stub_;
    }

    /// Any thread: whether every pushed node has been popped. Reads the tail alone.
    [[nodiscard]] bool all_popped() const noexcept
    {
        // relaxed: a caller that must see a push has synchronised with its thread; else this is a
        // hint.
        return tail_.load(std::memory_order_relaxed) == &stub_;
    }

private:
    /// `head` has no successor yet. Either it is the last node, and the stub takes its place, or a
    /// producer is about to link its node behind it.
    popped pop_last(cursor& at, node* head) noexcept
    {
        node* expected = head;
        // release on success: publishes the reset of stub_.next (Q2); pairs with push's exchange.
        // relaxed on failure: nothing is read through the value found.
        if (tail_.compare_exchange_strong(
                expected, &stub_, std::memory_order_release, std::memory_order_relaxed)) {
            at.head_ = &stub_;
            return {.taken = head, .emptied = true};
        }
        // acquire: a producer came in between and may have linked by now (Q1).
        node* next = head->next.load(std::memory_order_acquire);
        if (next == nullptr)
            return {};
        at.head_ = next;
        return {.taken = head};
    }

    alignas(64) Atomic<node*> tail_; ///< written by every producer
    node stub_;
};

} // namespace ngpoll
