// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "embed/image_view.h"
#include "embed/model_info.h"

namespace embed {

/// A 2×3 affine map from crop coordinates to image coordinates (pixel edges at integers, centres at .5):
/// x' = a·x + b·y + c, y' = d·x + e·y + f.
struct AffineMap {
  float a = 1, b = 0, c = 0, d = 0, e = 1, f = 0;
};

/// Size in bytes of one crop: height × width × channels.
std::size_t crop_bytes(const InputSpec& input) noexcept;

/// Where each pixel of the crop of `region` comes from. With Alignment::FivePoint and landmarks: the
/// least-squares similarity (Umeyama, 1991) from the template to the landmarks; else a square around the box.
/// Throws Error(InvalidArgument) for a region that has no area or is not finite, or whose landmarks coincide.
AffineMap crop_map(const ImageView& image, const FaceRegion& region, const InputSpec& input);

/// Cuts one face: colour conversion, crop or alignment and antialiased resize. `out` is [height, width,
/// channels] uint8, C-contiguous, owned by the caller, crop_bytes(input) long. The one implementation for the
/// element, enrolment and packing: same pixels in, same bytes out. Any thread; scratch memory is per thread
/// and re-used. Throws Error(InvalidArgument) for an invalid image or region.
void crop_face(const ImageView& image, const FaceRegion& region, const InputSpec& input, std::uint8_t* out);

/// crop_face for the region that is the whole image (with Alignment::Whole no region is needed).
void crop_whole(const ImageView& image, const InputSpec& input, std::uint8_t* out);

}  // namespace embed
