// SPDX-License-Identifier: MIT
#include "result.hpp"

#include <ngpoll/version.h>

#include "../json.hpp"

namespace ngpoll::cli {

namespace {

using json = nlohmann::ordered_json;

json options_json(const verify_result& run)
{
    const verify_options& o = run.options;
    return {{"check", o.check}, {"durable", o.durable},
        {"state", o.state_path.empty() ? json(nullptr) : json(o.state_path)},
        {"block_bytes", run.range.block_bytes},
        {"offset_bytes", run.range.first_lba * run.range.lba_bytes},
        {"size_bytes", run.range.positions * run.range.block_bytes}, {"depth", run.depth},
        {"threads", o.threads}, {"runtime", value_or_null(o.seconds)}, {"random", o.random},
        {"queues", run.poll_queues}, {"mode", to_string(run.queue.mode)}, {"force", o.force}};
}

json phase_json(const verify_result& run, const phase_result& phase)
{
    return {{"name", phase.name},
        {"generation", phase.generation == 0 ? json(nullptr) : json(phase.generation)},
        {"ios", phase.done}, {"wrong_ios", phase.wrong}, {"whole", phase.whole},
        {"seconds", phase.seconds}, {"iops", phase.iops()},
        {"bytes_per_second", phase.iops() * run.range.block_bytes}};
}

json finding_json(const finding& found)
{
    return {{"kind", to_string(found.what)}, {"lba", found.lba}, {"blocks", found.blocks},
        {"found_lba", value_or_null(found.found_lba)},
        {"found_generation", value_or_null(found.found_generation)}, {"text", text_of(found)}};
}

} // namespace

std::string json_text(const verify_result& run, const findings& found)
{
    json root;
    root["schema_version"] = 1;
    root["ngpoll"] = NGPOLL_VERSION;
    root["date"] = run.around.date;
    root["host"] = run.around.host;
    root["kernel"] = run.around.kernel;
    root["processor"] = run.around.processor;
    root["command_line"] = run.around.command_line;
    root["device"] = {{"path", run.device.path}, {"emulated", run.device.emulated},
        {"model", run.device.model}, {"serial", run.device.serial}, {"nsid", run.device.nsid},
        {"lba_bytes", run.device.lba_bytes}};
    root["options"] = options_json(run);
    json& summary = root["summary"];
    summary = {{"acknowledged_ios", run.acknowledged()}, {"read_ios", run.read()},
        {"resumed", run.resumed}, {"cut_short", run.cut_short},
        {"state_bytes_dropped", run.state_bytes_dropped}, {"unstamped_blocks", run.unstamped()},
        {"wrong_blocks", found.total()}};
    for (const finding::kind kind : kAllFindings)
        summary[to_string(kind)] = found.count(kind);
    summary["failure"] = run.failure.empty() ? json(nullptr) : json(run.failure);
    root["phases"] = json::array();
    for (const phase_result& phase : run.phases)
        root["phases"].push_back(phase_json(run, phase));
    root["findings"] = json::array();
    for (const finding& each : found.merged())
        root["findings"].push_back(finding_json(each));
    return root.dump(2) + "\n";
}

} // namespace ngpoll::cli
