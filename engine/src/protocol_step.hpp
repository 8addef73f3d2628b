// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

namespace ngpoll::detail {

/// A step of the shared queue's protocol. A model leaves it out, to see that it is needed.
enum class step : std::uint8_t {
    look_at_role_after_arming,
    look_into_inbox_after_arming,
    look_at_tail_after_release,
    look_again_where_tried_in_vain,
    wake_after_release,
    send_before_leaving,
    pass_duty_on,
    pay_before_release,
    pay_when_nothing_found,
    pay_before_sleep,
    wait_for_touch,
    wake_resident,
    look_at_queue_after_arming,
    // Steps of fetch groups.
    wake_by_submit,
    wake_resident_by_post,
    look_into_buffer_after_arming,
    call_when_withdrawn,
    call_about_second_batch,
    serve_what_is_left,
};

} // namespace ngpoll::detail
