// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <array>

#include "embed/image_view.h"

namespace embed::identity {

/// Where a box is and where it goes: a Kalman filter whose state is the centre, width and height of the box,
/// in pixels, and the velocity of each, in pixels a frame. Its noise grows with the box's height, with the
/// factors of SORT's successors (Wojke et al. 2017): a twentieth of it for positions, a 160th for velocities.
/// No noise couples two coordinates, so that the 8×8 covariance is four blocks of 2×2. A value type.
class BoxMotion {
 public:
  /// At rest in a box of positive size.
  explicit BoxMotion(const Rect& seen) noexcept;

  /// The next frame.
  void step() noexcept;
  /// The next frame of a face that was lost: its size stays, and it slows down, since who is not seen any
  /// more rarely goes straight on for long.
  void step_lost() noexcept;
  /// The box was seen here on this frame.
  void correct(const Rect& seen) noexcept;
  /// The sides are at least one pixel.
  Rect box() const noexcept;

 private:
  /// One coordinate. The covariance is symmetric.
  struct Axis {
    float value, speed;
    float var_value, covar, var_speed;
  };
  enum { CentreX, CentreY, Width, Height };

  std::array<Axis, 4> axes_;
};

}  // namespace embed::identity
