// SPDX-License-Identifier: LGPL-2.1-or-later
#include "identity/motion.h"

#include <algorithm>

namespace embed::identity {
namespace {

constexpr float kPositionNoise = 1.0F / 20;
constexpr float kSpeedNoise = 1.0F / 160;
// The first velocity is a guess, so that the second box may say otherwise.
constexpr float kFirstPosition = 2 * kPositionNoise;
constexpr float kFirstSpeed = 10 * kSpeedNoise;
constexpr float kSlowDown = 0.9F;

float square(float value) {
  return value * value;
}

std::array<float, 4> coordinates(const Rect& box) {
  return {box.x + box.width / 2, box.y + box.height / 2, box.width, box.height};
}

}  // namespace

BoxMotion::BoxMotion(const Rect& seen) noexcept : axes_{} {
  const auto values = coordinates(seen);
  for (std::size_t i = 0; i < axes_.size(); ++i) {
    axes_[i] = {values[i], 0, square(kFirstPosition * seen.height), 0, square(kFirstSpeed * seen.height)};
  }
}

void BoxMotion::step() noexcept {
  const float height = std::max(axes_[Height].value, 1.0F);
  for (Axis& axis : axes_) {
    axis.value += axis.speed;
    axis.var_value += 2 * axis.covar + axis.var_speed + square(kPositionNoise * height);
    axis.covar += axis.var_speed;
    axis.var_speed += square(kSpeedNoise * height);
  }
}

void BoxMotion::step_lost() noexcept {
  axes_[Width].speed = axes_[Height].speed = 0;
  axes_[CentreX].speed *= kSlowDown;
  axes_[CentreY].speed *= kSlowDown;
  step();
}

void BoxMotion::correct(const Rect& seen) noexcept {
  const auto values = coordinates(seen);
  const float noise = square(kPositionNoise * std::max(axes_[Height].value, 1.0F));
  for (std::size_t i = 0; i < axes_.size(); ++i) {
    Axis& axis = axes_[i];
    const float all = axis.var_value + noise;
    const float value_gain = axis.var_value / all, speed_gain = axis.covar / all;
    const float surprise = values[i] - axis.value;
    axis.value += value_gain * surprise;
    axis.speed += speed_gain * surprise;
    axis.var_speed -= speed_gain * axis.covar;
    axis.covar *= 1 - value_gain;
    axis.var_value *= 1 - value_gain;
  }
}

Rect BoxMotion::box() const noexcept {
  const float width = std::max(axes_[Width].value, 1.0F), height = std::max(axes_[Height].value, 1.0F);
  return {axes_[CentreX].value - width / 2, axes_[CentreY].value - height / 2, width, height};
}

}  // namespace embed::identity
