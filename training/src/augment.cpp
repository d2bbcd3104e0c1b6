// SPDX-License-Identifier: LGPL-2.1-or-later
#include "augment.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "jpeg_artifacts.h"

namespace training {

namespace {

constexpr float kRadians = 0.017453293F;
constexpr double kIdentityReach = 0.03;  // Of the width: as far as eyes and mouths differ from face to face.
constexpr int kElasticNodes = 6;         // Along each side; smooth at the scale of a stroke.

std::size_t at(int y, int x, int width, int channels) {
  return (static_cast<std::size_t>(y) * static_cast<std::size_t>(width) + static_cast<std::size_t>(x)) *
         static_cast<std::size_t>(channels);
}

float cubic(float t) {
  return t * t * (3 - 2 * t);
}

}  // namespace

Augmenter::Augmenter(Augmentation kind, int packed_width, int packed_height, int width, int height,
                     int channels, double strength)
    : kind_(kind),
      strength_(strength),
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

void Augmenter::apply(const std::uint8_t* packed, Rng& rng, std::uint8_t* out, const Rng* identity) {
  if (kind_ == Augmentation::None) {
    centre(packed, out);
    return;
  }
  shift_x_.clear();
  const Affine map = random_map(rng);
  if (identity != nullptr) {
    Rng features = *identity;
    draw_elastic(features, kIdentityReach * width_);
  } else if (kind_ == Augmentation::Digit && rng.chance(0.7)) {
    draw_elastic(rng, rng.uniform(0.2, 1.0) * 0.035 * width_);
  }
  sample(packed, map);
  if (kind_ == Augmentation::Face) {
    if (rng.chance(0.2 * strength_)) reduce(rng);
    colour(rng);
    if (rng.chance(0.25 * strength_)) erase(rng);
    // What a camera or a web page stored: after everything that happened in front of the lens.
    if (rng.chance(0.2 * strength_)) {
      for (float& value : picture_) value = std::clamp(value, 0.0F, 255.0F);
      jpeg_artifacts(picture_, width_, height_, channels_, 25 + static_cast<int>(rng.below(71)));
    }
  }
  for (std::size_t i = 0; i < picture_.size(); ++i) {
    out[i] = static_cast<std::uint8_t>(std::clamp(picture_[i] + 0.5F, 0.0F, 255.0F));
  }
}

/// From network picture to packed picture, both relative to their centres.
Augmenter::Affine Augmenter::random_map(Rng& rng) const {
  const bool face = kind_ == Augmentation::Face;
  const auto side = static_cast<float>(width_);
  const float scale = static_cast<float>(face ? std::exp(rng.uniform(-0.12, 0.12)) : rng.uniform(0.85, 1.15));
  const float stretch =
      static_cast<float>(face ? std::exp(rng.uniform(-0.04, 0.04)) : std::exp(rng.uniform(-0.1, 0.1)));
  const float angle =
      kRadians * static_cast<float>(face ? rng.normal() * 5.0 * strength_ : rng.uniform(-15.0, 15.0));
  const float shear = static_cast<float>(face ? 0.0 : rng.uniform(-0.15, 0.15));
  const double reach = face ? 0.06 : 0.08;
  const float x = side * static_cast<float>(rng.uniform(-reach, reach));
  const float y = side * static_cast<float>(rng.uniform(-reach, reach));
  const float mirror = face && rng.chance(0.5) ? -1.0F : 1.0F;
  const float c = std::cos(angle) * scale, s = std::sin(angle) * scale;
  return {mirror * c * stretch, c * shear - s, x, mirror * s * stretch, s * shear + c, y};
}

/// A smooth random displacement: normal values on a coarse grid, interpolated between the nodes.
void Augmenter::draw_elastic(Rng& rng, double reach) {
  std::array<float, 2 * kElasticNodes * kElasticNodes> nodes{};
  for (float& node : nodes) node = static_cast<float>(rng.normal() * reach);
  shift_x_.resize(static_cast<std::size_t>(width_) * static_cast<std::size_t>(height_));
  shift_y_.resize(shift_x_.size());
  const auto node = [&](int plane, int y, int x) {
    return nodes[static_cast<std::size_t>((plane * kElasticNodes + y) * kElasticNodes + x)];
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
void Augmenter::sample(const std::uint8_t* packed, const Affine& map) {
  const float half_w = 0.5F * static_cast<float>(width_), half_h = 0.5F * static_cast<float>(height_);
  const float centre_x = 0.5F * static_cast<float>(packed_width_) - 0.5F;
  const float centre_y = 0.5F * static_cast<float>(packed_height_) - 0.5F;
  std::size_t pixel = 0;
  float* target = picture_.data();
  for (int y = 0; y < height_; ++y) {
    for (int x = 0; x < width_; ++x, ++pixel, target += channels_) {
      float u = static_cast<float>(x) + 0.5F - half_w, v = static_cast<float>(y) + 0.5F - half_h;
      if (!shift_x_.empty()) {
        u += shift_x_[pixel];
        v += shift_y_[pixel];
      }
      const float sx = map.a * u + map.b * v + map.c + centre_x,
                  sy = map.d * u + map.e * v + map.f + centre_y;
      const int left = static_cast<int>(std::floor(sx)), top = static_cast<int>(std::floor(sy));
      const float fx = sx - static_cast<float>(left), fy = sy - static_cast<float>(top);
      for (int ch = 0; ch < channels_; ++ch) target[ch] = 0;
      for (int dy = 0; dy < 2; ++dy) {
        if (top + dy < 0 || top + dy >= packed_height_) continue;
        for (int dx = 0; dx < 2; ++dx) {
          if (left + dx < 0 || left + dx >= packed_width_) continue;
          const float weight = (dx == 0 ? 1 - fx : fx) * (dy == 0 ? 1 - fy : fy);
          const std::uint8_t* source = packed + at(top + dy, left + dx, packed_width_, channels_);
          for (int ch = 0; ch < channels_; ++ch) target[ch] += weight * static_cast<float>(source[ch]);
        }
      }
    }
  }
}

/// Brightness, contrast, gamma, saturation; grey now and then.
void Augmenter::colour(Rng& rng) {
  const float gain = static_cast<float>(std::exp(rng.uniform(-0.25, 0.25)));
  const float offset = static_cast<float>(rng.uniform(-20.0, 20.0));
  const float gamma = static_cast<float>(std::exp(rng.uniform(-0.25, 0.25)));
  const float saturation = rng.chance(0.1) ? 0.0F : static_cast<float>(rng.uniform(0.6, 1.3));
  std::array<float, 257> curve{};
  for (std::size_t i = 0; i < curve.size(); ++i) {
    const float value = std::clamp((static_cast<float>(i) - 128) * gain + 128 + offset, 0.0F, 255.0F);
    curve[i] = 255 * std::pow(value / 255, gamma);
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
    for (std::size_t ch = i; ch < i + 3; ++ch) picture_[ch] = luma + saturation * (picture_[ch] - luma);
  }
}

/// Loses detail as a small or blurred face does: a box filter along each axis.
void Augmenter::reduce(Rng& rng) {
  const float factor = static_cast<float>(rng.uniform(1.3, 3.0));
  const int radius = std::max(1, static_cast<int>(std::lround(factor / 2)));
  const auto pass = [&](const std::vector<float>& from, std::vector<float>& to, int dy, int dx) {
    for (int y = 0; y < height_; ++y) {
      for (int x = 0; x < width_; ++x) {
        for (int ch = 0; ch < channels_; ++ch) {
          float sum = 0;
          for (int k = -radius; k <= radius; ++k) {
            const int yy = std::clamp(y + k * dy, 0, height_ - 1), xx = std::clamp(x + k * dx, 0, width_ - 1);
            sum += from[at(yy, xx, width_, channels_) + static_cast<std::size_t>(ch)];
          }
          to[at(y, x, width_, channels_) + static_cast<std::size_t>(ch)] =
              sum / static_cast<float>(2 * radius + 1);
        }
      }
    }
  };
  pass(picture_, scratch_, 0, 1);
  pass(scratch_, picture_, 1, 0);
}

/// A rectangle of one colour: a hand, a microphone, a mask.
void Augmenter::erase(Rng& rng) {
  const double area = rng.uniform(0.02, 0.2), ratio = std::exp(rng.uniform(-0.9, 0.9));
  const int w = std::min(width_, 1 + static_cast<int>(width_ * std::sqrt(area * ratio)));
  const int h = std::min(height_, 1 + static_cast<int>(height_ * std::sqrt(area / ratio)));
  const int left = static_cast<int>(rng.below(static_cast<std::size_t>(width_ - w + 1)));
  const int top = static_cast<int>(rng.below(static_cast<std::size_t>(height_ - h + 1)));
  std::array<float, 3> paint{};
  for (float& value : paint) value = static_cast<float>(rng.uniform(0, 255));
  for (int y = top; y < top + h; ++y) {
    for (int x = left; x < left + w; ++x) {
      for (int ch = 0; ch < channels_; ++ch) {
        picture_[at(y, x, width_, channels_) + static_cast<std::size_t>(ch)] =
            paint[static_cast<std::size_t>(ch)];
      }
    }
  }
}

}  // namespace training
