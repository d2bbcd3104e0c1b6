// SPDX-License-Identifier: LGPL-2.1-or-later
#include "data/augment/augment.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "data/augment/jpeg_artifacts.h"

namespace training {

namespace {

constexpr float kRadians = 0.017453293F;
constexpr double kIdentityReach = 0.03;  // Of the width: as far as eyes and mouths differ from face to face.

std::size_t at(int y, int x, int width, int channels) {
  return (static_cast<std::size_t>(y) * static_cast<std::size_t>(width) + static_cast<std::size_t>(x)) *
         static_cast<std::size_t>(channels);
}

/// std::floor, which is a call without SSE 4.1.
int whole_below(float value) {
  const int whole = static_cast<int>(value);
  return whole - (static_cast<float>(whole) > value ? 1 : 0);
}

/// The places along an axis of `size` whose window of `radius` to each side reaches beyond it.
std::vector<int> ends(int size, int radius) {
  std::vector<int> places;
  for (int i = 0; i < size; ++i) {
    if (i < radius || i >= size - radius) places.push_back(i);
  }
  return places;
}

/// The mean of the window around a place of an axis whose values lie `step` apart; beyond its ends the last
/// value stands.
float mean_near_end(const float* axis, int place, int size, std::size_t step, int radius) {
  float sum = 0;
  for (int k = -radius; k <= radius; ++k)
    sum += axis[static_cast<std::size_t>(std::clamp(place + k, 0, size - 1)) * step];
  return sum / static_cast<float>(2 * radius + 1);
}

/// The means of `count` windows side by side, the first of which begins at `from`.
void means(const float* from, std::size_t step, int radius, std::size_t count, float* out) {
  const auto width = static_cast<float>(2 * radius + 1);
  for (std::size_t i = 0; i < count; ++i) {
    float sum = 0;
    for (int k = 0; k <= 2 * radius; ++k) sum += from[i + static_cast<std::size_t>(k) * step];
    out[i] = sum / width;
  }
}

float cubic(float t) {
  return t * t * (3 - 2 * t);
}

}  // namespace

Augmenter::Augmenter(Augmentation kind, int packed_width, int packed_height, int width, int height,
                     int channels)
    : kind_(kind),
      packed_width_(packed_width),
      packed_height_(packed_height),
      width_(width),
      height_(height),
      channels_(channels),
      picture_(at(height, 0, width, channels)),
      scratch_(picture_.size()) {}

void Augmenter::centre(const std::uint8_t* packed, std::uint8_t* out) const {
  const int left = (packed_width_ - width_) / 2, top = (packed_height_ - height_) / 2;
  const std::size_t row = at(0, width_, width_, channels_);
  for (int y = 0; y < height_; ++y) {
    std::memcpy(out + static_cast<std::size_t>(y) * row, packed + at(y + top, left, packed_width_, channels_),
                row);
  }
}

AugmentPlan Augmenter::draw(Rng& rng, const Rng* identity) const {
  AugmentPlan plan;
  if (kind_ == Augmentation::None) return plan;
  draw_map(rng, plan);
  if (identity != nullptr) {
    Rng features = *identity;
    draw_elastic(features, kIdentityReach * width_, plan);
  } else if (kind_ == Augmentation::Digit && rng.chance(0.7)) {
    draw_elastic(rng, rng.uniform(0.2, 1.0) * 0.035 * width_, plan);
  }
  if (kind_ == Augmentation::Digit) return plan;
  // Loses detail as a small or blurred face does.
  if (rng.chance(0.2)) {
    const float factor = static_cast<float>(rng.uniform(1.3, 3.0));
    plan.blur_radius = std::max(1, static_cast<int>(std::lround(factor / 2)));
  }
  draw_colour(rng, plan);
  if (rng.chance(0.25)) draw_cover(rng, plan);
  if (rng.chance(0.2)) plan.jpeg_quality = 25 + static_cast<int>(rng.below(71));
  return plan;
}

void Augmenter::apply(const std::uint8_t* packed, const AugmentPlan& plan, std::uint8_t* out) {
  if (kind_ == Augmentation::None) {
    centre(packed, out);
    return;
  }
  spread_elastic(plan);
  channels_ == 1 ? sample<1>(packed, plan) : sample<3>(packed, plan);
  if (plan.blur_radius > 0) reduce(plan.blur_radius);
  if (plan.recoloured != 0) colour(plan);
  cover(plan);
  // What a camera or a web page stored: after everything that happened in front of the lens.
  if (plan.jpeg_quality > 0) {
    for (float& value : picture_) value = std::clamp(value, 0.0F, 255.0F);
    jpeg_artifacts(picture_, width_, height_, channels_, plan.jpeg_quality);
  }
  for (std::size_t i = 0; i < picture_.size(); ++i) {
    out[i] = static_cast<std::uint8_t>(std::clamp(picture_[i] + 0.5F, 0.0F, 255.0F));
  }
}

void Augmenter::draw_map(Rng& rng, AugmentPlan& plan) const {
  const bool face = kind_ == Augmentation::Face;
  const auto side = static_cast<float>(width_);
  const float scale = static_cast<float>(face ? std::exp(rng.uniform(-0.12, 0.12)) : rng.uniform(0.85, 1.15));
  const float stretch =
      static_cast<float>(face ? std::exp(rng.uniform(-0.04, 0.04)) : std::exp(rng.uniform(-0.1, 0.1)));
  const float angle = kRadians * static_cast<float>(face ? rng.normal() * 5.0 : rng.uniform(-15.0, 15.0));
  const float shear = static_cast<float>(face ? 0.0 : rng.uniform(-0.15, 0.15));
  const double reach = face ? 0.06 : 0.08;
  plan.c = side * static_cast<float>(rng.uniform(-reach, reach));
  plan.f = side * static_cast<float>(rng.uniform(-reach, reach));
  const float mirror = face && rng.chance(0.5) ? -1.0F : 1.0F;
  const float c = std::cos(angle) * scale, s = std::sin(angle) * scale;
  plan.a = mirror * c * stretch;
  plan.b = c * shear - s;
  plan.d = mirror * s * stretch;
  plan.e = s * shear + c;
}

/// A smooth random displacement: normal values on a coarse grid.
void Augmenter::draw_elastic(Rng& rng, double reach, AugmentPlan& plan) {
  plan.warped = 1;
  for (float& node : plan.nodes) node = static_cast<float>(rng.normal() * reach);
}

/// Brightness, contrast, gamma, saturation; grey now and then.
void Augmenter::draw_colour(Rng& rng, AugmentPlan& plan) {
  plan.recoloured = 1;
  plan.gain = static_cast<float>(std::exp(rng.uniform(-0.25, 0.25)));
  plan.offset = static_cast<float>(rng.uniform(-20, 20));
  plan.gamma = static_cast<float>(std::exp(rng.uniform(-0.25, 0.25)));
  plan.saturation = rng.chance(0.1) ? 0.0F : static_cast<float>(rng.uniform(0.6, 1.3));
}

/// A rectangle of one colour: a hand, a microphone, a mask.
void Augmenter::draw_cover(Rng& rng, AugmentPlan& plan) const {
  const double area = rng.uniform(0.02, 0.2), ratio = std::exp(rng.uniform(-0.9, 0.9));
  plan.covered_width = std::min(width_, 1 + static_cast<int>(width_ * std::sqrt(area * ratio)));
  plan.covered_height = std::min(height_, 1 + static_cast<int>(height_ * std::sqrt(area / ratio)));
  plan.covered_left = static_cast<int>(rng.below(static_cast<std::size_t>(width_ - plan.covered_width + 1)));
  plan.covered_top = static_cast<int>(rng.below(static_cast<std::size_t>(height_ - plan.covered_height + 1)));
  for (float& value : plan.paint) value = static_cast<float>(rng.uniform(0, 255));
}

/// The warp of every pixel, between the nodes.
void Augmenter::spread_elastic(const AugmentPlan& plan) {
  shift_x_.clear();
  if (plan.warped == 0) return;
  shift_x_.resize(static_cast<std::size_t>(width_) * static_cast<std::size_t>(height_));
  shift_y_.resize(shift_x_.size());
  const auto node = [&](int plane, int y, int x) {
    return plan.nodes[(plane * kElasticNodes + y) * kElasticNodes + x];
  };
  std::size_t i = 0;
  for (int y = 0; y < height_; ++y) {
    const float v = static_cast<float>(y) * (kElasticNodes - 1) / static_cast<float>(height_);
    const int row = static_cast<int>(v);
    const float down = cubic(v - static_cast<float>(row));
    for (int x = 0; x < width_; ++x, ++i) {
      const float u = static_cast<float>(x) * (kElasticNodes - 1) / static_cast<float>(width_);
      const int column = static_cast<int>(u);
      const float right = cubic(u - static_cast<float>(column));
      const auto blend = [&](int plane) {
        const float upper = node(plane, row, column) * (1 - right) + node(plane, row, column + 1) * right;
        const float lower =
            node(plane, row + 1, column) * (1 - right) + node(plane, row + 1, column + 1) * right;
        return upper * (1 - down) + lower * down;
      };
      shift_x_[i] = blend(0);
      shift_y_[i] = blend(1);
    }
  }
}

/// Bilinear; black outside the packed picture.
template <int Channels>
void Augmenter::sample(const std::uint8_t* packed, const AugmentPlan& plan) {
  const float half_w = 0.5F * static_cast<float>(width_), half_h = 0.5F * static_cast<float>(height_);
  const float centre_x = 0.5F * static_cast<float>(packed_width_) - 0.5F;
  const float centre_y = 0.5F * static_cast<float>(packed_height_) - 0.5F;
  std::size_t pixel = 0;
  float* target = picture_.data();
  for (int y = 0; y < height_; ++y) {
    for (int x = 0; x < width_; ++x, ++pixel, target += Channels) {
      float u = static_cast<float>(x) + 0.5F - half_w, v = static_cast<float>(y) + 0.5F - half_h;
      if (!shift_x_.empty()) {
        u += shift_x_[pixel];
        v += shift_y_[pixel];
      }
      const float sx = plan.a * u + plan.b * v + plan.c + centre_x,
                  sy = plan.d * u + plan.e * v + plan.f + centre_y;
      const int left = whole_below(sx), top = whole_below(sy);
      const float fx = sx - static_cast<float>(left), fy = sy - static_cast<float>(top);
      for (int ch = 0; ch < Channels; ++ch) target[ch] = 0;
      const auto add = [&](int dy, int dx) {
        const float weight = (dx == 0 ? 1 - fx : fx) * (dy == 0 ? 1 - fy : fy);
        const std::uint8_t* source = packed + at(top + dy, left + dx, packed_width_, Channels);
        for (int ch = 0; ch < Channels; ++ch) target[ch] += weight * static_cast<float>(source[ch]);
      };
      // Nearly every pixel's four neighbours are there.
      if (left >= 0 && top >= 0 && left + 1 < packed_width_ && top + 1 < packed_height_) {
        add(0, 0), add(0, 1), add(1, 0), add(1, 1);
        continue;
      }
      for (int dy = 0; dy < 2; ++dy) {
        for (int dx = 0; dx < 2; ++dx) {
          if (top + dy < 0 || top + dy >= packed_height_ || left + dx < 0 || left + dx >= packed_width_)
            continue;
          add(dy, dx);
        }
      }
    }
  }
}

void Augmenter::colour(const AugmentPlan& plan) {
  std::array<float, 257> curve{};
  for (std::size_t i = 0; i < curve.size(); ++i) {
    const float value =
        std::clamp((static_cast<float>(i) - 128) * plan.gain + 128 + plan.offset, 0.0F, 255.0F);
    curve[i] = 255 * std::pow(value / 255, plan.gamma);
  }
  for (float& value : picture_) {
    const float clamped = std::clamp(value, 0.0F, 255.0F);
    const auto i = static_cast<std::size_t>(clamped);
    const float part = clamped - static_cast<float>(i);
    value = curve[i] + part * (curve[i + 1] - curve[i]);
  }
  if (channels_ != 3) return;
  for (std::size_t i = 0; i + 2 < picture_.size(); i += 3) {
    const float luma = 0.299F * picture_[i] + 0.587F * picture_[i + 1] + 0.114F * picture_[i + 2];
    for (std::size_t ch = i; ch < i + 3; ++ch) picture_[ch] = luma + plan.saturation * (picture_[ch] - luma);
  }
}

/// A box filter along each axis.
void Augmenter::reduce(int radius) {
  const std::size_t row = at(0, width_, width_, channels_);
  const auto pixel = static_cast<std::size_t>(channels_), reach = static_cast<std::size_t>(radius);
  // Rows, then columns: each but the ends of an axis is a run of values whose neighbours are all there.
  for (int y = 0; y < height_; ++y) {
    const float* line = picture_.data() + at(y, 0, width_, channels_);
    float* target = scratch_.data() + at(y, 0, width_, channels_);
    for (const int x : ends(width_, radius)) {
      for (std::size_t ch = 0; ch < pixel; ++ch)
        target[at(0, x, 0, channels_) + ch] = mean_near_end(line + ch, x, width_, pixel, radius);
    }
    if (width_ > 2 * radius) means(line, pixel, radius, row - 2 * reach * pixel, target + reach * pixel);
  }
  for (const int y : ends(height_, radius)) {
    for (std::size_t i = 0; i < row; ++i)
      picture_[at(y, 0, width_, channels_) + i] = mean_near_end(scratch_.data() + i, y, height_, row, radius);
  }
  for (int y = radius; y < height_ - radius; ++y) {
    means(scratch_.data() + at(y - radius, 0, width_, channels_), row, radius, row,
          picture_.data() + at(y, 0, width_, channels_));
  }
}

void Augmenter::cover(const AugmentPlan& plan) {
  for (int y = plan.covered_top; y < plan.covered_top + plan.covered_height; ++y) {
    for (int x = plan.covered_left; x < plan.covered_left + plan.covered_width; ++x) {
      for (int ch = 0; ch < channels_; ++ch) {
        picture_[at(y, x, width_, channels_) + static_cast<std::size_t>(ch)] = plan.paint[ch];
      }
    }
  }
}

}  // namespace training
