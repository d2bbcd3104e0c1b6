// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "embed/model_info.h"
#include "pictures.h"

namespace training::cli {

/// Cuts faces out of pictures as the stream does: detector, then the crop rule of the weights. With the rule
/// "whole" (digits) the picture itself is cut and no detector is made. Not thread-safe.
class FaceCropper {
 public:
  /// Throws embed::Error.
  FaceCropper(const embed::InputSpec& input, const TableFlags& detector);

  bool whole() const noexcept { return input_.crop.alignment == embed::Alignment::Whole; }

  /// All faces, largest first; one that covers the picture with the rule "whole". `still`: a second, enlarged
  /// look where the first finds nothing.
  std::vector<FoundFace> find(const embed::ImageView& image, bool still);
  /// Appends the crop of that face to `crops`.
  void cut(const embed::ImageView& image, const FoundFace& face, std::vector<std::uint8_t>& crops) const;

 private:
  embed::InputSpec input_;
  std::optional<FaceFinder> finder_;
};

}  // namespace training::cli
