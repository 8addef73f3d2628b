// SPDX-License-Identifier: MIT
#include "verify.hpp"

#include <algorithm>
#include <cstdio>
#include <exception>
#include <map>
#include <memory>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <ngpoll/ngpoll.hpp>
#include <ngpoll/processors.hpp>

#include "../error_line.hpp"
#include "../exit_status.hpp"
#include "../option_list.hpp"
#include "../output_file.hpp"
#include "../stop_signals.hpp"
#include "../text_output.hpp"
#include "options.hpp"
#include "phase.hpp"
#include "result.hpp"

namespace ngpoll::cli {

namespace {

constexpr std::uint32_t kDepthDefault = 128;

placement place_threads(const verify_options& options, const namespace_info& device)
{
    placement_bounds bounds;
    // Threads that wait for interrupts need not stay on the processors of poll queues.
    if (!device.emulated && options.polled)
        bounds = {.map = read_hardware_queues(device.path),
            .allowed = allowed_processors(),
            .queues_max = options.force ? 0 : device.polled_queues_max};
    return lay_out(queue_choice::parse("--queues", options.queues), options.threads, bounds);
}

/// The depth of each thread: the depth asked for, or what the drive takes from all threads
/// together.
std::uint32_t depth_of(
    const verify_options& options, const namespace_info& device, const placement& layout)
{
    if (options.depth)
        return *options.depth;
    std::uint32_t depth = kDepthDefault;
    if (device.emulated || !options.polled || device.queue_depth_max == 0)
        return depth;
    std::map<std::optional<std::size_t>, std::uint32_t> threads; // on each hardware queue
    for (const placement::seat& seat : layout.seats)
        ++threads[seat.hardware];
    for (const auto& [hardware, count] : threads)
        depth = std::min(depth, std::max(1U, device.queue_depth_max / count));
    return depth;
}

poll_queues queues_for(const verify_options& options, const placement& layout, std::uint32_t depth,
    const nvme_namespace& device)
{
    const std::vector<std::uint32_t> everywhere = allowed_processors();
    poll_queues opened;
    for (std::uint32_t q = 0; q < layout.queues; ++q) {
        // A resident poller stays on the processors of the thread that makes it. These are the
        // processors of the threads of its queue.
        const std::span<const std::uint32_t> cpus = layout.cpus_of_queue(q);
        pin_this_thread(cpus.empty() ? everywhere : cpus);
        const std::uint32_t rings = layout.threads_on(q);
        opened.push_back(std::make_unique<poll_queue>(device,
            poll_queue::options{.depth = depth * rings,
                .rings_max = rings,
                .mode = options.polled ? poll_mode::polled : poll_mode::interrupt,
                .role = options.role,
                .hardware_queue = layout.hardware_of_queue(q),
                .force = options.force}));
    }
    pin_this_thread(everywhere);
    return opened;
}

/// The state that an earlier run left, from --state.
std::optional<written_state> state_before(const verify_options& options)
{
    if (options.state_path.empty())
        return std::nullopt;
    std::optional<written_state> before = state_file::load(options.state_path);
    if (options.check && !before)
        throw std::invalid_argument(
            fmt::format("--state {}: there is no such file; a run without --check makes it",
                options.state_path));
    return before;
}

/// The state of a run that has written nothing yet.
written_state new_state(const verify_options& options, const verified_range& range)
{
    written_state state{.range = range, .generations = {}};
    if (options.check)
        return state;
    try {
        state.generations.resize(range.positions);
    } catch (const std::bad_alloc&) {
        throw std::invalid_argument(fmt::format("not enough memory for the generations of {} "
                                                "I/Os, 4 bytes each; give a larger -b or a --size",
            range.positions));
    }
    return state;
}

/// The phases of a run, one after the other.
class verify_run {
public:
    /// Opens the poll queues.
    verify_run(verify_result planned, written_state state, const nvme_namespace& device,
        text_output& out, const stop_signals& signals);

    void print_heading() { out_.print(heading_text(result_)); }
    /// Reads what an earlier run left.
    void check() { read_phase("check", true); }
    /// Writes and reads back until the time is over.
    void write_and_read_back();

    [[nodiscard]] const verify_result& result() const noexcept { return result_; }
    [[nodiscard]] const findings& found() const noexcept { return found_; }

private:
    [[nodiscard]] verify_phase phase_of(std::uint32_t generation);
    void write_phase();
    void read_phase(const std::string& name, bool ends_by_signal);
    void open_queues();
    void open_file();
    void go_on_with_file();
    void run(
        verify_phase phase, const std::string& name, const std::function<bool(double)>& is_over);

    verify_result result_;
    written_state state_;
    nvme_namespace device_;
    text_output& out_;
    const stop_signals& signals_;
    placement layout_;
    poll_queues queues_;
    std::optional<stop_signals::hold> held_; ///< while the process must not end
    std::optional<state_file> file_;
    findings found_;
    double wrote_seconds_ = 0;
};

verify_run::verify_run(verify_result planned, written_state state, const nvme_namespace& device,
    text_output& out, const stop_signals& signals)
    : result_(std::move(planned))
    , state_(std::move(state))
    , device_(device)
    , out_(out)
    , signals_(signals)
    , layout_(place_threads(result_.options, result_.device))
{
    const verify_options& options = result_.options;
    result_.depth = depth_of(options, result_.device, layout_);
    open_queues();
    result_.poll_queues = layout_.queues;
    result_.queue = queues_.front()->report();
    if (!result_.resumed)
        open_file();
    if (std::any_of(queues_.begin(), queues_.end(),
            [](const auto& queue) { return queue->report().must_drain; }))
        held_.emplace();
}

/// An existing file is opened only after the drive was found to hold all that the file says. As
/// long as something is wrong, the file stays as it is.
void verify_run::open_file()
{
    const verify_options& options = result_.options;
    if (!options.check && !options.state_path.empty())
        file_.emplace(
            state_file::options{.path = options.state_path, .durable = options.durable}, state_);
}

/// Opens the file of an earlier run. With --durable it also flushes the drive's cache: this run
/// promises that all of the file survives, but the earlier run may have promised less.
void verify_run::go_on_with_file()
{
    open_file();
    if (!result_.options.durable)
        return;
    poll_queue queue(device_, {.depth = 1, .rings_max = 1, .mode = poll_mode::interrupt});
    ring own(queue, {.depth = 1});
    request flush;
    flush.cmd = flush_command(result_.device.nsid);
    NGPOLL_ASSERT(own.submit(flush), "a ring of depth 1 refused its first command");
    own.wait(1);
    if (!flush.status.ok())
        throw std::runtime_error(
            fmt::format("{} did not flush its cache: {}; nothing more was written",
                result_.device.path, flush.status.text()));
}

/// Opens new queues for each phase, because a queue of one ring belongs to the thread of its first
/// ring.
void verify_run::open_queues()
{
    queues_.clear();
    queues_ = queues_for(result_.options, layout_, result_.depth, device_);
}

verify_phase verify_run::phase_of(std::uint32_t generation)
{
    return {.device = result_.device,
        .range = result_.range,
        .generation = generation,
        .is_state_known = !state_.generations.empty(),
        .fua = result_.options.durable,
        .random = result_.options.random,
        .threads = result_.options.threads,
        .depth = result_.depth,
        .state = state_,
        .file = file_ ? &*file_ : nullptr,
        .found = found_};
}

void verify_run::run(
    verify_phase phase, const std::string& name, const std::function<bool(double)>& is_over)
{
    phase_result now;
    now.name = name;
    const phase_watch watch{.tell =
                                [&](std::uint64_t done, double seconds) {
                                    now.done = done;
                                    now.seconds = seconds;
                                    out_.print(progress_text(result_, now));
                                },
        .is_over = is_over,
        .tell_waiting =
            [&](double seconds) {
                out_.print(fmt::format(
                    "{}: waiting for the drive, {:.0f} s after the start\n", name, seconds));
            }};
    const bool is_first = result_.phases.empty();
    phase_result ended;
    ended.generation = phase.generation;
    try {
        if (!is_first)
            open_queues();
        ended = run_phase(phase, queues_, layout_, watch);
    } catch (const std::exception&) {
        if (is_first)
            throw; // the run could not start
        ended.failure = std::current_exception();
    }
    ended.name = name;
    out_.print(phase_text(result_, ended));
    result_.phases.push_back(ended);
    if (!ended.failure)
        return;
    try {
        std::rethrow_exception(ended.failure);
    } catch (const std::exception& error) {
        if (is_first && ended.done == 0 && phase.file == nullptr)
            throw; // the run could not start
        result_.failure = error_text(error);
    }
}

void verify_run::write_phase()
{
    const std::uint32_t generation = state_.generation_max + 1;
    if (file_)
        file_->begin_generation(generation);
    state_.generation_max = generation;
    const double limit = result_.options.seconds.value_or(0);
    run(phase_of(generation), fmt::format("write, generation {}", generation), [&](double seconds) {
        return signals_.came() || out_.failed()
            || (limit != 0 && wrote_seconds_ + seconds >= limit);
    });
    wrote_seconds_ += result_.phases.back().seconds;
    if (file_ && result_.phases.back().whole && result_.failure.empty())
        file_->rewrite(state_);
}

void verify_run::read_phase(const std::string& name, bool ends_by_signal)
{
    run(phase_of(0), name,
        [&](double) { return out_.failed() || (ends_by_signal && signals_.came()); });
    result_.cut_short = !result_.phases.back().whole && result_.failure.empty() && !out_.failed();
}

void verify_run::write_and_read_back()
{
    try {
        if (result_.resumed)
            go_on_with_file();
    } catch (const std::exception& error) {
        result_.failure = error_text(error);
        return;
    }
    const std::optional<double> limit = result_.options.seconds;
    do {
        write_phase();
        if (result_.failure.empty() && !out_.failed())
            read_phase("read back", false); // a signal ends the writing; see --help
    } while (limit && (*limit == 0 || wrote_seconds_ < *limit) && found_.total() == 0
        && result_.failure.empty() && !out_.failed() && !signals_.came());
}

/// Writes the JSON file, and prints what failed. Returns the exit status.
int finish(const verify_run& run, output_file& json, const text_output& out)
{
    std::vector<std::string> failures;
    if (!run.result().failure.empty())
        failures.push_back(run.result().failure);
    if (run.result().checked_nothing())
        failures.push_back("no block has a stamp, so nothing was checked; was the drive erased, or "
                           "did the run have another --offset or --size?");
    if (run.result().cut_short)
        failures.push_back("a signal ended the reading, so the rest was not checked");
    if (out.failed())
        failures.push_back(out.failure_text());
    try {
        json.finish(json_text(run.result(), run.found()));
    } catch (const std::exception& error) {
        failures.push_back(error_text(error));
    }
    if (!failures.empty())
        print_error(fmt::format("{}", fmt::join(failures, "; and ")));
    return failures.empty() && run.found().total() == 0 ? kExitSuccess : kExitFailed;
}

int run_verify(const verify_options& options)
{
    check_options(options);
    const nvme_namespace device = nvme_namespace::open(
        options.devices.empty() ? "emu:" : options.devices.front(), {.writable = !options.check});
    std::optional<write_permit> permit; // until the last write has ended
    if (!options.check)
        permit = write_permit::take(
            device, {.serial_nsid = options.write_name, .force = options.force});
    std::optional<written_state> before = state_before(options);
    verify_result planned;
    planned.options = options;
    planned.device = device.info();
    planned.range = range_of(options, device.info(), before);
    planned.resumed = before.has_value();
    planned.state_bytes_dropped = before ? before->bytes_dropped : 0;
    planned.unchecked = permit ? permit->unchecked() : "";
    written_state state = before ? std::move(*before) : new_state(options, planned.range);
    output_file json("--json", options.json_path);
    text_output out(json.is_standard_output() ? stderr : stdout);
    const stop_signals signals; // in force until the JSON file is complete
    verify_run run(std::move(planned), std::move(state), device, out, signals);
    run.print_heading();
    if (options.check || run.result().resumed)
        run.check();
    // New writes would hide what is wrong.
    const bool goes_on = !options.check && run.found().total() == 0 && run.result().failure.empty()
        && !signals.came() && !out.failed();
    if (goes_on)
        run.write_and_read_back();
    else if (!options.check && run.found().total() != 0)
        out.print("nothing was written, so that you can look at what is wrong\n");
    out.print(summary_text(run.result(), run.found()));
    return finish(run, json, out);
}

} // namespace

subcommand add_verify(CLI::App& app)
{
    const auto options = std::make_shared<verify_options>();
    option_list verify(app, "verify", "Write blocks with stamps, and check that they read back");
    add_options(verify, *options);
    return {.parser = verify.parser(), .run = [options] { return run_verify(*options); }};
}

} // namespace ngpoll::cli
