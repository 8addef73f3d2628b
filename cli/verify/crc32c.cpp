// SPDX-License-Identifier: MIT
#include "crc32c.hpp"

#include <isa-l/crc.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace ngpoll::cli {

namespace {

#if defined(__x86_64__)
/// ISA-L 2.30 leaves the upper halves of the vector registers in use. Each SSE instruction that
/// follows is then slow: stamps would take four times as long.
__attribute__((target("avx"), noinline)) void release_upper_halves() noexcept
{
    _mm256_zeroupper();
}
const bool kHasUpperHalves = __builtin_cpu_supports("avx") != 0;
#else
void release_upper_halves() noexcept { }
constexpr bool kHasUpperHalves = false;
#endif

} // namespace

std::uint32_t crc32c(const void* data, std::size_t size, std::uint32_t before) noexcept
{
    // The library only reads the data, but its parameter is not const.
    const std::uint32_t after = ::crc32_iscsi(
        static_cast<unsigned char*>(const_cast<void*>(data)), static_cast<int>(size), before);
    if (kHasUpperHalves)
        release_upper_halves();
    return after;
}

} // namespace ngpoll::cli
