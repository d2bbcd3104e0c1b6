// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <vector>

namespace training {

/// Does to a picture what baseline JPEG (ITU-T T.81) loses: YCbCr with half the colour resolution, 8×8 cosine
/// transform, division by the standard's example tables (annex K) scaled by `quality` as the Independent JPEG
/// Group's library scales them, rounding, and back. Entropy coding is lossless and left out. `picture`:
/// [height, width, channels] float, 0 to 255, channels 1 or 3 (RGB), changed in place; `quality`: 1 to 100.
/// Sides that are no multiple of the block are continued by their last pixels. Thread-safe on other pictures.
void jpeg_artifacts(std::vector<float>& picture, int width, int height, int channels, int quality);

}  // namespace training
