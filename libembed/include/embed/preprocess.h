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

/// The map from the crop of `region` to the image. With Alignment::FivePoint and landmarks it is the
/// least-squares similarity (Umeyama, 1991) from the template to the landmarks, else a square around the box.
/// Throws Error(InvalidArgument) for a region that has no area or is not finite, or whose landmarks coincide.
/// Any thread.
AffineMap crop_map(const ImageView& image, const FaceRegion& region, const InputSpec& input);

/// Makes the crop of one face: colour conversion, crop or alignment, and antialiased resize. `out` is
/// [height, width, channels] uint8, C-contiguous, crop_bytes(input) long, owned by the caller. The element,
/// enrolment and packing all use this function, and the same pixels always give the same bytes. Any thread;
/// each thread has scratch memory of its own, which is reused. Throws Error(InvalidArgument) for an invalid
/// image or region.
void crop_face(const ImageView& image, const FaceRegion& region, const InputSpec& input, std::uint8_t* out);

/// As crop_face for the region that covers the whole image (with Alignment::Whole no region is needed).
void crop_whole(const ImageView& image, const InputSpec& input, std::uint8_t* out);

}  // namespace embed
