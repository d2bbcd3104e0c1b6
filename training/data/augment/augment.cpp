// SPDX-License-Identifier: LGPL-2.1-or-later
#include "data/augment/augment.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "data/augment/augment_steps.h"

namespace training {

namespace {

constexpr float kRadians = 0.017453293F;
constexpr double kIdentityReach = 0.03;  // Of the width: as far as eyes and mouths differ from face to face.

}  // namespace

Augmenter::Augmenter(Augmentation kind, int packed_width, int packed_height, int width, int height,
                     int channels)
    : kind_(kind),
      packed_width_(packed_width),
      packed_height_(packed_height),
      width_(width),
      height_(height),
      channels_(channels),
      values_(static_cast<std::size_t>(width) * static_cast<std::size_t>(height) *
              static_cast<std::size_t>(channels)),
      scratch_(values_.size()),
      curve_(kCurve) {}

void Augmenter::centre(const std::uint8_t* packed, std::uint8_t* out) const {
  const auto channels = static_cast<std::ptrdiff_t>(channels_);
  const std::ptrdiff_t row = width_ * channels, packed_row = packed_width_ * channels;
  const std::uint8_t* from =
      packed + (packed_height_ - height_) / 2 * packed_row + (packed_width_ - width_) / 2 * channels;
  for (int y = 0; y < height_; ++y) std::copy_n(from + y * packed_row, row, out + y * row);
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
  AugmentItem item;
  item.plan = plan;
  AugmentJob job;
  job.pictures = packed;
  job.items = &item;
  job.count = 1;
  job.packed_width = packed_width_;
  job.packed_height = packed_height_;
  job.width = width_;
  job.height = height_;
  job.channels = channels_;
  job.values = values_.data();
  job.scratch = scratch_.data();
  job.curves = curve_.data();
  job.out = out;
  job.jpeg = jpeg_tables();
  augment_steps::run_all(job, kind_ == Augmentation::Face, [](const auto& step) {
    for (int y = 0; y < step.height(); ++y) step(0, y, 0, step.width());
  });
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

}  // namespace training
