// SPDX-License-Identifier: MIT
#include <cerrno>
#include <string>
#include <system_error>

#include <ngpoll/status.hpp>

#include "catch.hpp"

using ngpoll::status;

namespace {

bool contains(const std::string& text, const std::string& words)
{
    return text.find(words) != std::string::npos;
}

} // namespace

TEST_CASE("a status with neither an errno nor an NVMe status is success")
{
    const status outcome;
    CHECK(outcome.ok());
    CHECK(outcome.text() == "success");
    CHECK(outcome == status{});
}

TEST_CASE("an errno is no success, and its text has the errno's text and number")
{
    const status outcome{.errno_value = ECANCELED};
    CHECK_FALSE(outcome.ok());
    CHECK(contains(outcome.text(), "canceled"));
    CHECK(contains(outcome.text(), "errno 125"));
    CHECK_FALSE(outcome == status{});
}

TEST_CASE("an NVMe status is split into code, type and do-not-retry")
{
    const status range{.nvme_status = 0x4080};
    CHECK_FALSE(range.ok());
    CHECK(range.code() == 0x80);
    CHECK(range.code_type() == 0);
    CHECK(range.do_not_retry());

    const status media{.nvme_status = 0x0281};
    CHECK_FALSE(media.ok());
    CHECK(media.code() == 0x81);
    CHECK(media.code_type() == 2);
    CHECK_FALSE(media.do_not_retry());

    // With the bits for command retry delay and "more".
    const status decorated{.nvme_status = 0x3a81};
    CHECK(decorated.code() == 0x81);
    CHECK(decorated.code_type() == 2);
    CHECK_FALSE(decorated.do_not_retry());
}

TEST_CASE("the text of an NVMe status has the specification's name and the number")
{
    const std::string range = status{.nvme_status = 0x4080}.text();
    INFO(range);
    CHECK(contains(range, "LBA"));
    CHECK(contains(range, "0x4080"));
    const std::string media = status{.nvme_status = 0x0281}.text();
    INFO(media);
    CHECK(contains(media, "Read Error"));
    CHECK(contains(media, "0x0281"));
    CHECK_FALSE(status{.nvme_status = 0x07ff}.text().empty()); // a code without a name
}

TEST_CASE("an io_uring result is split into errno, NVMe status and success")
{
    CHECK(ngpoll::status_from_result(0).ok());
    CHECK(ngpoll::status_from_result(-EIO) == status{.errno_value = EIO});
    CHECK(ngpoll::status_from_result(0x4080) == status{.nvme_status = 0x4080});
    CHECK(ngpoll::status_from_result(1) == status{.nvme_status = 1});
    static_assert(ngpoll::status_from_result(-1).errno_value == 1);
}

TEST_CASE("set-up errors of the drive have their own category")
{
    const std::error_category& category = ngpoll::nvme_category();
    CHECK(std::string(category.name()) == "nvme");
    CHECK(contains(category.message(0x400b), "Namespace"));
    CHECK(&category == &ngpoll::nvme_category());
    CHECK(category != std::system_category());
}

TEST_CASE("the text of EFAULT has its likely cause and a way to avoid it")
{
    const std::string text = ngpoll::status{.errno_value = EFAULT}.text();
    CHECK(text.find("Bad address (errno 14): the drive's tags ran out;") == 0);
    CHECK(text.find("register the buffers") != std::string::npos);
}
