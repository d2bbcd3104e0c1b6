// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace embed::faces {

/// The shape that an ONNX model declares for its input, −1 where a size is open; empty when the bytes declare
/// none. OpenCV runs a model on whatever it is given, so that a wrong size would show in the vectors alone.
/// `model`: any `size` bytes; nothing beyond them is read.
std::vector<std::int64_t> declared_input(const std::uint8_t* model, std::size_t size);

}  // namespace embed::faces
