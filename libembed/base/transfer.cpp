// SPDX-License-Identifier: LGPL-2.1-or-later
#include <algorithm>
#include <array>
#include <cmath>

#include "embed/image_view.h"

namespace embed {

namespace {

using Table = std::array<std::uint8_t, 256>;

/// The luminance of diffuse white in images of high dynamic range, in cd/m² (ITU-R BT.2408).
constexpr double kDiffuseWhite = 203;

/// Light of a value from 0 to 1, in units of diffuse white: SMPTE ST 2084's EOTF.
double pq_light(double value) {
  constexpr double m1 = 2610.0 / 16384, m2 = 2523.0 / 4096 * 128;
  constexpr double c1 = 3424.0 / 4096, c2 = 2413.0 / 4096 * 32, c3 = 2392.0 / 4096 * 32;
  const double root = std::pow(value, 1 / m2);
  return 10'000 / kDiffuseWhite * std::pow(std::max(root - c1, 0.0) / (c2 - c3 * root), 1 / m1);
}

/// As pq_light, by ARIB STD-B67's inverse OETF and a screen of 1000 cd/m², whose gamma is 1.2 (ITU-R
/// BT.2100). The gamma is applied to each colour, since a table sees one colour at a time.
double hlg_light(double value) {
  constexpr double a = 0.17883277, b = 1 - 4 * a, c = 0.55991073;
  const double scene = value <= 0.5 ? value * value / 3 : (std::exp((value - c) / a) + b) / 12;
  return 1000 / kDiffuseWhite * std::pow(scene, 1.2);
}

/// The identity up to a knee; brighter light, without limit, is compressed into the rest below 1.
double pressed(double light) {
  constexpr double kKnee = 0.8;
  if (light <= kKnee) return light;
  return 1 - (1 - kKnee) * std::exp(-(light - kKnee) / (1 - kKnee));
}

/// sRGB's value of a light from 0 to 1.
double srgb(double light) {
  return light <= 0.0031308 ? 12.92 * light : 1.055 * std::pow(light, 1 / 2.4) - 0.055;
}

Table make_table(double (*light)(double)) {
  Table table{};
  for (std::size_t i = 0; i < table.size(); ++i) {
    const double shown = srgb(pressed(light(static_cast<double>(i) / 255)));
    table[i] = static_cast<std::uint8_t>(std::lround(255 * std::clamp(shown, 0.0, 1.0)));
  }
  return table;
}

}  // namespace

const std::uint8_t* transfer_table(Transfer transfer) noexcept {
  static const Table pq = make_table(pq_light), hlg = make_table(hlg_light);
  switch (transfer) {
    case Transfer::Pq:
      return pq.data();
    case Transfer::Hlg:
      return hlg.data();
    case Transfer::Display:
      break;
  }
  return nullptr;
}

}  // namespace embed
