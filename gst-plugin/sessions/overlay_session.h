// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "sessions/cover_pixels.h"
#include "sessions/face_cover.h"
#include "sessions/face_types.h"
#include "sessions/option_values.h"

namespace embed::gst {

/// The properties of tripletoverlay.
const std::vector<ElementOption>& overlay_options();

/// Their values, typed. A value type.
struct OverlaySettings {
  std::string font = "Sans Bold";  ///< Pango's name of the font, without a size.
  bool show_distance = true;
  std::size_t max_faces = 256;  ///< Most faces of a frame to draw; 0: all.
  Cover cover = Cover::None;
  CoverStyle cover_style = CoverStyle::Blur;
  std::int64_t cover_hold = 1000000000;  ///< Nanoseconds.

  static OverlaySettings from(const OptionValues& values);
};

/// A small picture to lay over a frame: [height, width] pixels of 4 bytes, B, G, R, A in memory,
/// premultiplied, rows tightly packed. Lies wholly inside the frame.
struct Patch {
  int x = 0, y = 0, width = 0, height = 0;
  std::vector<std::uint8_t> pixels;
};

struct Colour {
  double red = 0, green = 0, blue = 0;  ///< 0 to 1.
};

/// The colour of an identity: the same for the same name in every run; grey for faces without a name.
Colour identity_colour(const Face& face);

/// Boxes of a frame's faces, each a thin frame of four strips so that little is blended, then the labels,
/// which keep clear of each other where there is room (LabelPlaces). Calls `blend` with the patches of one
/// box or one label at a time, so that many faces take no more memory than one. Sizes are in pixels;
/// pixel_aspect is a pixel's width over its height (> 0), so that letters have their shape where the frame is
/// shown. `missing_letters`, where it is given, becomes true when no font has a letter of a label, so that a
/// box stands in its place. Any thread. Throws what `blend` throws.
void draw_faces(const std::vector<Face>& faces, int frame_width, int frame_height,
                const OverlaySettings& settings, double pixel_aspect,
                const std::function<void(const std::vector<Patch>&)>& blend, bool* missing_letters = nullptr);

/// The same, all patches in the order in which they are laid over the frame.
std::vector<Patch> draw_faces(const std::vector<Face>& faces, int frame_width, int frame_height,
                              const OverlaySettings& settings, double pixel_aspect = 1,
                              bool* missing_letters = nullptr);

}  // namespace embed::gst
