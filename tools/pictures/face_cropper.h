// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "embed/model_info.h"
#include "embed/quality.h"
#include "pictures/pictures.h"

namespace pictures {

struct Turned {
  int degrees = 0;  ///< Clockwise: 90, 180 or 270.
  std::size_t faces = 0;
};

/// Cuts faces out of pictures as the stream does: detector, then the crop rule of the weights. With the rule
/// "whole" (digits) the picture itself is cut and no detector is made. Not thread-safe.
class FaceCropper {
 public:
  /// `detector`: flags made of kDetectorOptions and kPictureOptions. Throws embed::Error.
  FaceCropper(const embed::InputSpec& input, const command_line::TableFlags& detector);

  bool whole() const noexcept { return input_.crop.alignment == embed::Alignment::Whole; }

  /// As load_picture, by the flag `max-megapixels`.
  Picture load(const std::string& path) const { return load_picture(path, max_megapixels_); }
  /// As decode_picture, by the same flag.
  Picture decode(const std::uint8_t* bytes, std::size_t size, const std::string& name) const {
    return decode_picture(bytes, size, name, max_megapixels_);
  }
  /// All faces, largest first; one that covers the picture with the rule "whole". `still`: a second, enlarged
  /// look where the first finds nothing.
  std::vector<FoundFace> find(const embed::ImageView& image, bool still);
  /// For pictures in which no face was found: how they would have to be turned to show the most, and how
  /// many. Nothing where they show none in any position.
  std::optional<Turned> turned(const std::vector<embed::ImageView>& images);
  /// Appends the crop of that face to `crops` and returns its quality; that of a whole picture is 1.
  embed::FaceQuality cut(const embed::ImageView& image, const FoundFace& face,
                         std::vector<std::uint8_t>& crops) const;

 private:
  embed::InputSpec input_;
  int max_megapixels_;
  std::optional<FaceFinder> finder_;
};

}  // namespace pictures
