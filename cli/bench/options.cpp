// SPDX-License-Identifier: MIT
#include "options.hpp"

#include <cstring>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "../option_list.hpp"
#include "find.hpp"
#include "sweep.hpp"
#include "words.hpp"

namespace ngpoll::cli {

namespace {

constexpr std::uint32_t kThreadsMax = 1024;
constexpr std::uint64_t kRateMax = 1'000'000'000;

constexpr const char* kExamples = R"(Examples:
  ngpoll bench                         an emulated drive: what the engine itself can do
  ngpoll bench /dev/ng0n1              random reads of 4 KiB, depth 128, for ten seconds
  ngpoll bench -b512 -d128 -c32 -s32 -p1 -F1 -B1 -O0 -P1 -u1 -n1 /dev/ng0n1
                                       a line made for fio's t/io_uring
  ngpoll bench -n4 /dev/ng0n1 /dev/ng1n1
                                       two drives at once, with two threads each
  ngpoll bench -n4 --compare shared,private /dev/ng0n1
                                       four threads on shared poll queues, then on their own
  ngpoll bench -n4 --compare shared,private --repeat 5 /dev/ng0n1
                                       each five times, in turns: is the difference noise?
  ngpoll bench --workers 4 --blocks 1000000 --work 5000 --slow-worker 0:10 --compare rings,workers
                                       a pool of workers, beside rings with an equal part each
  ngpoll bench --sweep d=1,8,32,128 --sweep b=512,4096 /dev/ng0n1
                                       a matrix: IOPS and latency by depth and block size
  ngpoll bench -r2 --find p99=200us /dev/ng0n1
                                       the highest rate at which 99 % take at most 200 us
  ngpoll bench --rw randrw --rwmixread 70 --write SERIAL:NSID /dev/ng0n1
                                       70 % reads, 30 % writes: destroys the data on the drive
  ngpoll bench -r60 --json result.json /dev/ng0n1
                                       a minute, all results in a file

Exit status: 0: all went well; 1: it ran, and something failed; 2: it could not run.
SIGINT, SIGTERM and SIGHUP end a run early. The run still prints and writes its results.)";

/// A switch of t/io_uring for which this command has only one value.
struct foreign_switch {
    char letter;
    bool needed; ///< the only value that this command accepts
    const char* why; ///< why the other value is refused
};

constexpr foreign_switch kForeign[] = {
    {'u', true, "ngpoll always uses NVMe passthrough; for the block path use t/io_uring"},
    {'a', false, "ngpoll has no legacy aio"},
    {'S', false, "ngpoll has no synchronous I/O"},
    {'N', false, "ngpoll always sends real commands; without DEVICE it uses no drive"},
    {'D', false, "ngpoll does not map buffers for DMA in advance"},
    {'V', false, "ngpoll does not send vectored commands yet"},
};

/// Switches that users paste from command lines of t/io_uring.
void add_foreign_switches(option_list& bench)
{
    bench.heading("Accepted for t/io_uring's command lines");
    for (const foreign_switch& foreign : kForeign) {
        const std::string name = std::string("-") + foreign.letter;
        bench.text(name,
            [foreign, name](const std::string& text) {
                if (parse_switch(name, text) != foreign.needed)
                    refuse_value(name, text, foreign.why);
            },
            {.type = "0|1",
                .default_text = "",
                .help = fmt::format("Only {} is accepted", foreign.needed ? 1 : 0)});
    }
    // -O is direct I/O, and a character device has no other. -T is the rate of the TSC, which this
    // command measures by itself.
    bench.text("-O", [](const std::string& text) { static_cast<void>(parse_switch("-O", text)); },
        {.type = "0|1", .default_text = "", .help = "No effect"});
    bench.text("-T",
        [](const std::string& text) {
            static_cast<void>(parse_count("-T", text, {.least = 1, .most = UINT64_MAX}));
        },
        {.type = "HZ", .default_text = "", .help = "No effect"});
}

role_policy parse_role(const std::string& word)
{
    if (const auto policy = role_policy_named(word))
        return *policy;
    if (word == "lease" || word == "give-up")
        refuse_value("--role", word, "its name is now waiter; give auto, resident or waiter");
    refuse_value("--role", word, "give auto, resident or waiter");
}

/// "50000", "50k" or "1m", powers of 1000 as rates are.
double parse_rate(const std::string& word)
{
    std::string digits = word;
    std::uint64_t unit = 1;
    for (const auto& [letters, factor] : {std::pair{"kK", 1000U}, std::pair{"mM", 1'000'000U}})
        if (!digits.empty() && std::strchr(letters, digits.back()) != nullptr) {
            digits.pop_back();
            unit = factor;
            break;
        }
    if (digits.empty())
        refuse_value("--rate", word, "give I/Os a second, such as 50000 or 50k");
    const std::uint64_t count
        = parse_count("--rate", digits, {.least = 1, .most = kRateMax / unit});
    return static_cast<double>(count * unit);
}

void add_results(option_list& bench, bench_options& options)
{
    struct result_option {
        const char* name;
        std::string bench_options::*path;
        const char* help;
    };
    constexpr result_option kFiles[] = {
        {"--json", &bench_options::json_path,
            "Write all results to FILE; - is standard output, and the text goes to standard error"},
        {"--csv", &bench_options::csv_path, "Write a line for each second to FILE"},
        {"--hgrm", &bench_options::hgrm_path,
            "Write the distribution of the latencies to FILE, in the format of HdrHistogram's "
            "plotters"},
    };
    bench.heading("Results");
    for (const result_option& file : kFiles)
        bench.text(file.name,
            [&options, file](const std::string& path) {
                if (path.empty())
                    refuse_value(file.name, path, "give a file, or - for standard output");
                options.*file.path = path;
            },
            {.type = "FILE", .default_text = "", .help = file.help});
}

/// Options that set the length of a run.
void add_length_options(option_list& bench, bench_options& options)
{
    bench.heading("The load");
    bench.text("-r,--runtime",
        [&options](const std::string& text) {
            options.seconds = parse_seconds("-r", text);
            options.has_seconds = true;
        },
        {.type = "SECONDS",
            .default_text = fmt::format("{}", options.seconds),
            .help = "How long a run takes; 0: until a signal"});
    bench.text("--blocks",
        [&options](const std::string& text) {
            options.blocks = parse_count("--blocks", text, {.least = 1, .most = UINT64_MAX});
        },
        {.type = "N",
            .default_text = "",
            .help = "End after N I/Os of all threads together. Without -r there is no limit of "
                    "time; with -r the first limit ends the run. Each thread with a ring does an "
                    "equal part"});
    bench.seconds(
        "--warmup", options.warmup_seconds, "How long to run before the measurement begins");
}

void add_load_options(option_list& bench, bench_options& options)
{
    bench.heading("The load");
    bench.bytes("-b,--bs,--block-size", options.block_bytes, "Bytes per I/O");
    bench.count("-d,--depth,--iodepth", options.depth, {.most = kRingDepthMax},
        "I/Os in flight per thread");
    bench.count("-s,--submit-batch", options.submit_batch, {}, "I/Os in one submission, at most");
    bench.count("-c,--complete-batch", options.complete_batch, {}, "Completions to wait for");
    bench.count("-n,--threads,--numjobs", options.threads, {.most = kThreadsMax},
        "Threads for all drives together; each drive gets at least one");
    bench.text("-R,--random",
        [&options](const std::string& text) { options.random = parse_switch("-R", text); },
        {.type = "0|1",
            .default_text = "1",
            .help = "1: random blocks, as --rw randread; 0: blocks in sequence, as --rw read"});
    bench.text("--rw,--readwrite",
        [&options](const std::string& word) { options.rw = access_pattern::parse("--rw", word); },
        {.type = "WORD",
            .default_text = "randread",
            .help
            = "The operation, in fio's words: read, write, randread, randwrite, rw, randrw, trim, "
              "randtrim, write_zeroes. All of them except read and randread need --write"});
    bench.count("--rwmixread", options.reads_percent, {.least = 0, .most = 100},
        "Percent of reads in rw and randrw");
    bench.text("--random-distribution,--random_distribution",
        [&options](const std::string& word) {
            options.law = position_law::parse("--random-distribution", word);
        },
        {.type = "LAW",
            .default_text = "random",
            .help = "How random blocks are chosen: random (all are equally popular), or zipf:THETA "
                    "(the k-th most popular block is chosen in proportion to k^-THETA)"});
    bench.text("--rate",
        [&options](const std::string& word) { options.rate_iops = parse_rate(word); },
        {.type = "IOPS",
            .default_text = "",
            .help = "I/Os a second, of all threads together. An I/O's latency then counts from the "
                    "time when it was due"});
    bench.count("--repeat", options.repeat, {.most = kRepeatMax},
        "How many runs to make; their median and spread are printed. The parts of --compare take "
        "turns");
    bench.texts("--sweep",
        [&options](const std::string& word) { options.sweeps.push_back(parse_sweep(word)); },
        {.type = "OPTION=LIST",
            .default_text = "",
            .help = "Run with each of these values of an option, for example d=1,8,32. With two "
                    "--sweep, run with each combination, and print a matrix"});
    bench.toggle(
        "-t,--latency", options.latency, "Measure the latency of each I/O; 0 saves the cost of it");
    bench.text("--find", [&options](const std::string& word) { options.find = parse_goal(word); },
        {.type = "FIGURE=TIME",
            .default_text = "",
            .help = "Find the highest --rate that keeps a latency, for example p99=200us. Each "
                    "step takes the time of -r"});
    bench.text("--offset",
        [&options](
            const std::string& word) { options.offset = drive_share::parse("--offset", word); },
        {.type = "SIZE|P%", .default_text = "0", .help = "Start of the drive's range to use"});
    bench.text("--size",
        [&options](const std::string& word) { options.size = drive_share::parse("--size", word); },
        {.type = "SIZE|P%",
            .default_text = "",
            .help = "Size of the range from --offset on; without it, to the end of the drive"});
    bench.texts("--write",
        [&options](const std::string& word) { options.write_names.push_back(word); },
        {.type = "SERIAL:NSID",
            .default_text = "",
            .help = "Permit writes to this drive: its data may be destroyed. 'ngpoll list' prints "
                    "the name. Give it once for each DEVICE"});
}

/// "5000" nanoseconds, or with a unit: "5us".
std::uint64_t parse_work(const std::string& word)
{
    constexpr std::uint64_t kWorkMax = 10'000'000'000;
    if (word.find_first_not_of("0123456789") == std::string::npos)
        return parse_count("--work", word, {.least = 0, .most = kWorkMax});
    const double ns = parse_seconds("--work", word) * 1e9;
    if (ns > static_cast<double>(kWorkMax))
        refuse_value("--work", word, "give 10 seconds or less");
    return static_cast<std::uint64_t>(ns);
}

/// Reads "3:10".
slow_thread parse_slow(const std::string& word)
{
    constexpr const char* kName = "--slow-worker";
    const std::size_t colon = word.find(':');
    if (colon == std::string::npos)
        refuse_value(kName, word, "give a thread, counted from 0, and a factor: 0:10");
    return {.index = static_cast<std::uint32_t>(
                parse_count(kName, word.substr(0, colon), {.least = 0, .most = kThreadsMax - 1})),
        .factor = static_cast<std::uint32_t>(
            parse_count(kName, word.substr(colon + 1), {.most = 1'000'000}))};
}

void add_worker_options(option_list& bench, bench_options& options)
{
    bench.heading("Workers, and what they do");
    bench.text("--work",
        [&options](const std::string& word) { options.work_ns = parse_work(word); },
        {.type = "NS",
            .default_text = "0",
            .help = "Nanoseconds that a thread works on each completion: it reads the clock until "
                    "they are over"});
    bench.text("--slow-worker",
        [&options](const std::string& word) { options.slow = parse_slow(word); },
        {.type = "I:FACTOR",
            .default_text = "",
            .help = "Thread I, counted from 0, works FACTOR times as long"});
    bench.count("--workers", options.workers, {.least = 0, .most = kThreadsMax},
        "Use a pool of so many worker threads on one fetch group, and no rings. -d is the depth of "
        "the group, and -c is the largest batch of a worker. 0: no workers");
}

void add_ring_options(option_list& bench, bench_options& options)
{
    bench.heading("How it is done");
    bench.toggle("-p,--polled", options.polled, "Poll; 0 waits for interrupts");
    bench.flag("--hybrid", options.hybrid, "Sleep part of the time, then poll (Linux 6.13)");
    bench.toggle("-B,--fixed-buffers", options.fixed_buffers, "Register the buffers");
    bench.toggle("-H,--huge-pages", options.huge_pages, "Huge pages for large buffer pools");
    bench.toggle("-F,--registered-file", options.registered_file, "Register the device");
    bench.toggle("-X,--registered-ring", options.registered_ring, "Register the ring");
    bench.toggle("-P,--near-drive", options.near_drive,
        "Keep threads to the processors of the drive's NUMA node, unless they keep to the "
        "processors of its poll queues");
    bench.text("--queues", [&options](const std::string& word) { options.queues = word; },
        {.type = "N|private|auto",
            .default_text = "auto",
            .help = "Poll queues for the threads: N in all, one for each thread (private), or one "
                    "for each poll queue of the drive (auto)"});
    bench.text("--role", [&options](const std::string& word) { options.role = parse_role(word); },
        {.type = "auto|resident|waiter",
            .default_text = "auto",
            .help = "The poller of a shared queue: a thread that does nothing else (resident), or "
                    "a thread that waits (waiter)"});
    bench.text("--compare", [&options](const std::string& words) { options.compare = words; },
        {.type = "LIST",
            .default_text = "",
            .help = "Run with each of these values of --queues in turn, and compare the runs: "
                    "shared,private. With --workers also rings,workers: rings on one poll queue, "
                    "each with an equal part of the depth, and the workers"});
    bench.flag("--force", options.force,
        "Permit what may crash the kernel: to poll a drive from several rings (Linux up to 6.4, or "
        "with an I/O scheduler), and to poll a drive that is not on PCIe. Also permit writes to a "
        "drive when nobody can tell whether it is in use. The first lines name what was forced");
}

} // namespace

void add_options(option_list& bench, bench_options& options)
{
    bench.arguments("DEVICE", options.devices,
        "/dev/ngXnY, or an emulated drive: emu:size=1G,lba=512,queues=1024,latency=0 with any of "
        "these settings (with latency=1us-2ms each latency is a random one between the two; with "
        "unreadable=FIRST-LAST reads of these LBAs fail). Without DEVICE it is emu:. Several "
        "drives are measured at the same time, each by threads of its own");
    add_load_options(bench, options);
    add_length_options(bench, options);
    add_worker_options(bench, options);
    add_ring_options(bench, options);
    add_results(bench, options);
    add_foreign_switches(bench);
    bench.footer(fmt::format("{}\n\n{}", kWords, kExamples));
}

} // namespace ngpoll::cli
