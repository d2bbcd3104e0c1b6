// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "embed/model_info.h"
#include "embed/safetensors.h"

namespace embed {

inline constexpr const char* kWeightsKind = "tripletembed.weights";
inline constexpr int kWeightsVersion = 1;

/// Whether none of `count` float32 numbers is infinite or not a number. Any thread.
bool all_finite(const void* values, std::size_t count) noexcept;

/// A weights file that is open: the network's tensors and no others, each in its shape and stored as F32, F16
/// or BF16. Const members are thread-safe.
class WeightsFile {
 public:
  /// Reads the file and its info, but for the SHA-256. Throws Error(NotFound | Io | Format); Format names the
  /// file and a tensor that is missing, superfluous, of another type or of another shape.
  explicit WeightsFile(const std::string& path);

  const SafetensorsFile& file() const noexcept { return file_; }
  const ModelInfo& info() const noexcept { return info_; }

  /// The values of one of the network's tensors, in its order → `out`, as many float32 as its shape says,
  /// which the caller owns. Throws Error(Format) that names file and tensor for values that are not finite,
  /// and for a negative running variance.
  void read(const std::string& name, float* out) const;
  std::vector<float> values(const std::string& name) const;

 private:
  SafetensorsFile file_;
  ModelInfo info_;
};

}  // namespace embed
