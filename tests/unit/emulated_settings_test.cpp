// SPDX-License-Identifier: MIT
#include <cerrno>
#include <cstdint>
#include <string>

#include <ngpoll/nvme_namespace.hpp>

#include "catch.hpp"
#include "emulated/settings.hpp"
#include "support.hpp"

using ngpoll::emulated::parse_settings;
using ngpoll::emulated::settings;

TEST_CASE("without settings an emulated drive has 1 GiB, blocks of 512 bytes and the most queues")
{
    const settings parsed = parse_settings("emu:");
    CHECK(parsed.size_bytes == std::uint64_t{1} << 30);
    CHECK(parsed.lba_bytes == 512);
    CHECK(parsed.queues == 1024);
    CHECK(parsed.latency_ns == 0);
    CHECK(parsed.unreadable_first > parsed.unreadable_last);
}

TEST_CASE("each setting of an emulated drive is understood, in any order")
{
    const settings parsed
        = parse_settings("emu:unreadable=5-9,latency=20us,queues=1024,lba=4096,size=8M");
    CHECK(parsed.size_bytes == 8U << 20);
    CHECK(parsed.lba_bytes == 4096);
    CHECK(parsed.queues == 1024);
    CHECK(parsed.latency_ns == 20000);
    CHECK(parsed.unreadable_first == 5);
    CHECK(parsed.unreadable_last == 9);
}

TEST_CASE("sizes and times may have units")
{
    CHECK(parse_settings("emu:size=1024").size_bytes == 1024);
    CHECK(parse_settings("emu:size=3K").size_bytes == 3072);
    CHECK(parse_settings("emu:size=2G").size_bytes == std::uint64_t{2} << 30);
    CHECK(parse_settings("emu:size=64T").size_bytes == std::uint64_t{64} << 40);
    CHECK(parse_settings("emu:latency=7").latency_ns == 7);
    CHECK(parse_settings("emu:latency=7ns").latency_ns == 7);
    CHECK(parse_settings("emu:latency=7us").latency_ns == 7000);
    CHECK(parse_settings("emu:latency=7ms").latency_ns == 7000000);
    CHECK(parse_settings("emu:latency=7ms").latency_ns_max == 7000000);
    CHECK(parse_settings("emu:latency=7us-2ms").latency_ns == 7000);
    CHECK(parse_settings("emu:latency=7us-2ms").latency_ns_max == 2000000);
    CHECK(parse_settings("emu:unreadable=3-3").unreadable_first == 3);
    CHECK(parse_settings("emu:lba=65536").lba_bytes == 65536);
}

TEST_CASE("an error about a setting names the setting and the accepted values")
{
    struct bad_setting {
        const char* settings;
        const char* named;
        const char* accepted;
    };
    const bad_setting bad[] = {
        {"size=", "'size='", "K, M, G or T"},
        {"size=x", "'size=x'", "K, M, G or T"},
        {"size=1Q", "'size=1Q'", "K, M, G or T"},
        {"size=-1", "'size=-1'", "K, M, G or T"},
        {"size=99999999999999999999", "size=9", "K, M, G or T"},
        {"size=99999999999T", "size=9", "K, M, G or T"},
        {"size=0", "size=0", "multiple of lba="},
        {"size=100", "size=100", "multiple of lba="},
        {"size=1M,lba=512,size=513", "size=513", "multiple of lba="},
        {"size=2K,lba=4096", "lba=4096", "multiple of lba="},
        {"size=65T", "size=65T", "64T"},
        {"lba=256", "'lba=256'", "512 to 65536"},
        {"lba=131072", "'lba=131072'", "512 to 65536"},
        {"lba=1000", "'lba=1000'", "power of two"},
        {"lba=4K", "'lba=4K'", "512 to 65536"},
        {"queues=0", "'queues=0'", "1 to 1024"},
        {"queues=1025", "'queues=1025'", "1 to 1024"},
        {"queues=two", "'queues=two'", "1 to 1024"},
        {"latency=5s", "'latency=5s'", "us or ms"},
        {"latency=10001ms", "'latency=10001ms'", "10000ms"},
        {"latency=1us-10001ms", "'latency=1us-10001ms'", "10000ms"},
        {"latency=2us-1us", "'latency=2us-1us'", "LEAST-MOST"},
        {"latency=2us-", "'latency=2us-'", "LEAST-MOST"},
        {"unreadable=5", "'unreadable=5'", "FIRST-LAST"},
        {"unreadable=5-", "'unreadable=5-'", "FIRST-LAST"},
        {"unreadable=-5", "'unreadable=-5'", "FIRST-LAST"},
        {"unreadable=5-4", "'unreadable=5-4'", "first LBA"},
        {"sise=1M", "'sise=1M'", "size=, lba=, queues=, latency= and unreadable="},
        {"size", "'size'", "size=, lba=, queues=, latency= and unreadable="},
        {"size=1M,", "size=1M,", "last comma"},
        {",size=1M", "''", "size=, lba="},
        {"size=1M,,lba=512", "''", "size=, lba="},
    };
    for (const bad_setting& each : bad) {
        const std::string path = std::string("emu:") + each.settings;
        const auto error = ngpoll::test::error_of([&] { (void)parse_settings(path); });
        INFO(path << ": " << error.text);
        CHECK(error.value == EINVAL);
        CHECK(error.says(each.named));
        CHECK(error.says(each.accepted));
    }
}

TEST_CASE("an emulated namespace reports the settings that it was opened with")
{
    const std::string path = "emu:size=1M,lba=4096";
    const auto device = ngpoll::nvme_namespace::open(path);
    const ngpoll::namespace_info& info = device.info();
    CHECK(info.path == path);
    CHECK(info.emulated);
    CHECK(info.nsid == 1);
    CHECK(info.lba_bytes == 4096);
    CHECK(info.capacity_blocks == 256);
    CHECK(info.metadata_bytes == 0);
    CHECK_FALSE(info.metadata_interleaved);
    CHECK(info.transfer_bytes_max == 512 * 1024);
    CHECK(info.queue_depth_max == 65535);
    CHECK(info.has_poll_queues == true);
    CHECK_FALSE(info.model.empty());
    CHECK_FALSE(info.serial.empty());
}

TEST_CASE("opening an emulated drive with wrong settings says what is wrong")
{
    const auto error
        = ngpoll::test::error_of([] { (void)ngpoll::nvme_namespace::open("emu:lba=3"); });
    CHECK(error.value == EINVAL);
    CHECK(error.says("lba=3"));
}
