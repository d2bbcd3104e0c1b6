// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <optional>

#include "embed/image_view.h"
#include "embed/model_info.h"

namespace embed {

/// What is wrong with a face whose quality is low.
enum class QualityFlaw {
  None,
  Small,    ///< Too few pixels.
  Blurred,  ///< Out of focus, or moved.
  Dark,     ///< Hardly any light on it.
  Harsh,    ///< Too much light, or hard shadows.
  Turned,   ///< To the side, up or down.
  Covered,  ///< Eyes or mouth are hidden, as by sunglasses or a mask.
};

/// "small", "blurred", "dark", "harsh", "turned", "covered"; empty for None. Any thread.
const char* to_string(QualityFlaw flaw) noexcept;

/// How well a face can be recognised, each part from 0 to 1. A part says which share of the true matches at a
/// false-accept rate of 0.1 % is left by what it measures, 1 being a good picture: docs/quality.md says how
/// the curves were measured. A value type.
struct FaceQuality {
  float size = 1;       ///< By the shorter side of the box in pixels.
  float sharpness = 1;  ///< By the detail of the crop in that direction in which it has least.
  float light = 1;      ///< By contrast, and by how much of the face is white.
  float pose = 1;       ///< By the landmarks; 1 where there are none.
  /// By whether eyes and mouth are seen: 1, or 0.25 where one is hidden. Looked for on crops by five points
  /// of faces that are not turned.
  float visible = 1;
  float score = 1;    ///< By the detector's confidence, 0.5 or more; 1 where there is none.
  float overall = 1;  ///< The lesser of size and sharpness, which tell the same loss, times the others.
  QualityFlaw flaw = QualityFlaw::None;  ///< The least part but score, where that is below a half.
};

/// The quality of the face at `region` of `image`, whose crop by the rule of `input` is `crop`: [height,
/// width, channels] uint8 as crop_face makes it. Of the image the pixel aspect alone is read. `score`: the
/// detector's confidence, 0 to 1. Crops with a side below 40 pixels show too little: their `sharpness` and
/// `visible` are 1. Values that are not finite count as the worst. Allocates nothing. Any thread.
FaceQuality face_quality(const ImageView& image, const FaceRegion& region, const InputSpec& input,
                         const std::uint8_t* crop, std::optional<float> score = std::nullopt) noexcept;

}  // namespace embed
