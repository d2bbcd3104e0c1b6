// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "embed/model_info.h"

namespace embed::faces {

/// An ONNX network that takes images of one size and gives one vector for each, run by OpenCV on the CPU. Its
/// one input is [N, channels, height, width] float32. One thread at a time.
class OnnxNetwork {
 public:
  /// `input`: the images' size and how their bytes become numbers. Throws Error(NotFound | Io | Format) that
  /// names the file; Format also when the network does not take images of that size.
  OnnxNetwork(const std::string& path, const InputSpec& input);
  ~OnnxNetwork();
  OnnxNetwork(const OnnxNetwork&) = delete;
  OnnxNetwork& operator=(const OnnxNetwork&) = delete;

  /// The number of values of a vector.
  std::size_t dimension() const noexcept;
  /// `pictures`: [count, height, width, channels] uint8, C-contiguous; `vectors`: [count, dimension()]
  /// float32. Both are owned by the caller. Throws Error(Format) that names the file when a value is not
  /// finite.
  void run(const std::uint8_t* pictures, std::size_t count, float* vectors);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace embed::faces
