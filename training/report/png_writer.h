// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace training {

/// A PNG file (ISO/IEC 15948) of 8 bits a channel. `pixels`: [height, width, channels] uint8, C-contiguous,
/// borrowed; 1 channel is grey, 3 are RGB. Throws embed::Error(InvalidArgument) for sides outside 1–65535 or
/// other channels. Any thread.
std::string encode_png(const std::uint8_t* pixels, int width, int height, int channels);

/// Base64 (RFC 4648, section 4) with padding.
std::string base64(const std::string& bytes);

}  // namespace training
