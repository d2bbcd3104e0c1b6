// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "embed/image_view.h"
#include "embed/model_info.h"
#include "embed/preprocess.h"

/// What crop_face should do, written the slow and plain way in double precision.
namespace reference {

/// x' = a·x + b·y + c, y' = d·x + e·y + f, from crop pixels to image pixels.
struct Map {
  double a = 1, b = 0, c = 0, d = 0, e = 1, f = 0;
  double x(double u, double v) const { return a * u + b * v + c; }
  double y(double u, double v) const { return d * u + e * v + f; }
};

/// The square of `side` pixels around a centre, as the whole of a width × width crop.
Map square_map(double centre_x, double centre_y, double side, int width);

/// The similarity with the least squared error from crop points to image points, by the normal equations.
Map least_squares_similarity(const embed::Landmarks& crop, const embed::Landmarks& image);

/// Red, green, blue of one pixel, 0 to 255, not rounded. Black outside the image.
std::array<double, 3> pixel(const embed::ImageView& image, int x, int y);

/// The crop, [height, width, channels]: each output pixel is the mean of 8×8 bilinear samples over its area.
std::vector<double> crop(const embed::ImageView& image, const Map& map, const embed::InputSpec& input);

/// Columns [x0, x1) and rows [y0, y1) of an image.
struct Part {
  int x0 = 0, y0 = 0, x1 = 0, y1 = 0;
};

/// The crop to the letter, as docs/design.md defines it: means over cells of whole pixels, of YUV before it
/// becomes colours, then one bilinear tap or two. Black outside `part`. Not rounded.
std::vector<double> defined_crop(const embed::ImageView& image, const Part& part, const Map& map,
                                 const embed::InputSpec& input);

/// True for the output pixels that lie inside the image by `room` image pixels on every side.
std::vector<bool> inside(const embed::ImageView& image, const Map& map, const embed::InputSpec& input,
                         double room);

/// Of the values of the pixels in `where`; zero when there are none.
struct Difference {
  double mean = 0;
  double largest = 0;
};
Difference compare(const std::vector<std::uint8_t>& got, const std::vector<double>& expected,
                   const std::vector<bool>& where);

}  // namespace reference
