// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace embed {

/// Eight words, a to h.
using Sha256State = std::array<std::uint32_t, 8>;

/// Takes `blocks` blocks of 64 bytes into the state (FIPS 180-4, section 6.2.2). Any thread.
using Sha256Blocks = void (*)(Sha256State& state, const std::uint8_t* bytes, std::size_t blocks) noexcept;

/// On any machine.
void portable_sha256_blocks(Sha256State& state, const std::uint8_t* bytes, std::size_t blocks) noexcept;

/// With the instructions that x86 has for it; null on a machine without them.
Sha256Blocks x86_sha256_blocks() noexcept;

}  // namespace embed
