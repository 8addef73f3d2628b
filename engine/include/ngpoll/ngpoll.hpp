// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// The whole engine.

/// \namespace ngpoll
/// The engine's C++ interface. `ngpoll::detail` is no part of it.

#include <ngpoll/buffer_pool.hpp> // IWYU pragma: export
#include <ngpoll/command.hpp> // IWYU pragma: export
#include <ngpoll/drive_settings.hpp> // IWYU pragma: export
#include <ngpoll/drive_use.hpp> // IWYU pragma: export
#include <ngpoll/drives.hpp> // IWYU pragma: export
#include <ngpoll/fetch_group.hpp> // IWYU pragma: export
#include <ngpoll/hardware_queues.hpp> // IWYU pragma: export
#include <ngpoll/kernel_faults.hpp> // IWYU pragma: export
#include <ngpoll/machine.hpp> // IWYU pragma: export
#include <ngpoll/mpsc_queue.hpp> // IWYU pragma: export
#include <ngpoll/nvme_namespace.hpp> // IWYU pragma: export
#include <ngpoll/poll_queue.hpp> // IWYU pragma: export
#include <ngpoll/request.hpp> // IWYU pragma: export
#include <ngpoll/ring.hpp> // IWYU pragma: export
#include <ngpoll/status.hpp> // IWYU pragma: export
#include <ngpoll/version.hpp> // IWYU pragma: export
