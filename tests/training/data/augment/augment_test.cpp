// SPDX-License-Identifier: LGPL-2.1-or-later
// What augmentation does to pictures, and how often.
#include "data/augment/augment.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <iterator>
#include <numeric>
#include <vector>

namespace training {
namespace {

using Picture = std::vector<std::uint8_t>;

constexpr int kSide = 32, kPacked = 40;
constexpr float kDegrees = 57.29578F;

/// [kPacked, kPacked, channels] of a function of the place, both −1 to 1.
Picture paint(int channels, const std::function<double(double x, double y, int channel)>& value) {
  Picture picture;
  for (int y = 0; y < kPacked; ++y) {
    for (int x = 0; x < kPacked; ++x) {
      for (int c = 0; c < channels; ++c) {
        const double v = value(2.0 * (x + 0.5) / kPacked - 1, 2.0 * (y + 0.5) / kPacked - 1, c);
        picture.push_back(static_cast<std::uint8_t>(std::lround(std::clamp(v, 0.0, 255.0))));
      }
    }
  }
  return picture;
}

Picture flat(int channels, std::uint8_t value) {
  return Picture(static_cast<std::size_t>(kPacked * kPacked * channels), value);
}

Augmenter augmenter(Augmentation kind, int channels = 1) {
  return {kind, kPacked, kPacked, kSide, kSide, channels};
}

Picture applied(Augmenter& augmenter, const Picture& packed, const AugmentPlan& plan, int channels = 1) {
  Picture out(static_cast<std::size_t>(kSide * kSide * channels));
  augmenter.apply(packed.data(), plan, out.data());
  return out;
}

/// What is brighter by on the right than on the left.
double tilt(const Picture& picture) {
  double sum = 0;
  for (std::size_t i = 0; i < picture.size(); ++i) {
    sum += (i % kSide < kSide / 2 ? -1.0 : 1.0) * picture[i];
  }
  return sum / static_cast<double>(picture.size());
}

std::vector<AugmentPlan> plans(const Augmenter& augmenter, int count) {
  Rng rng(11);
  std::vector<AugmentPlan> drawn;
  for (int i = 0; i < count; ++i) drawn.push_back(augmenter.draw(rng));
  return drawn;
}

double share(const std::vector<AugmentPlan>& drawn, const std::function<bool(const AugmentPlan&)>& is) {
  return static_cast<double>(std::count_if(drawn.begin(), drawn.end(), is)) /
         static_cast<double>(drawn.size());
}

/// Root mean square of the nodes' shifts over the plans that warp, of the width.
double reach_of(const std::vector<AugmentPlan>& drawn) {
  double squares = 0, count = 0;
  for (const AugmentPlan& plan : drawn) {
    if (plan.warped == 0) continue;
    for (const float shift : plan.nodes) squares += static_cast<double>(shift * shift);
    count += static_cast<double>(std::size(plan.nodes));
  }
  return std::sqrt(squares / count) / kSide;
}

double most(const std::vector<AugmentPlan>& drawn, const std::function<double(const AugmentPlan&)>& of) {
  double found = 0;
  for (const AugmentPlan& plan : drawn) found = std::max(found, std::abs(of(plan)));
  return found;
}

bool is_mirrored(const AugmentPlan& plan) {
  return plan.a * plan.e - plan.b * plan.d < 0;
}

float angle_of(const AugmentPlan& plan) {
  const float sign = is_mirrored(plan) ? -1.0F : 1.0F;
  return kDegrees * std::atan2(sign * plan.d, sign * plan.a);
}

/// What the map is made of besides its angle, shift and mirror.
struct Shape {
  double scale, stretch, shear;
};

Shape shape_of(const AugmentPlan& plan) {
  const double angle = static_cast<double>(angle_of(plan) / kDegrees);
  const double c = std::cos(angle), s = std::sin(angle), b = plan.b, e = plan.e;
  const double scale = c * e - s * b;
  return {scale, std::hypot(plan.a, plan.d) / scale, (s * e + c * b) / scale};
}

TEST(Augment, NoneIsTheMiddleByteForByte) {
  const Picture packed = paint(3, [](double x, double y, int c) { return 128 + 90 * x * y + 30 * c; });
  Augmenter none = augmenter(Augmentation::None, 3);
  Rng rng(1);
  Picture out(kSide * kSide * 3), centre(out.size());
  none.apply(packed.data(), rng, out.data());
  none.centre(packed.data(), centre.data());
  EXPECT_EQ(out, centre);
  constexpr int kRim = (kPacked - kSide) / 2;
  EXPECT_TRUE(std::equal(out.begin(), out.begin() + kSide * 3, packed.begin() + (kRim * kPacked + kRim) * 3));
}

TEST(Augment, AnEmptyPlanIsTheMiddleToo) {
  const Picture packed = paint(3, [](double x, double y, int c) { return 128 + 90 * x * y + 30 * c; });
  Augmenter faces = augmenter(Augmentation::Face, 3);
  Picture centre(kSide * kSide * 3);
  faces.centre(packed.data(), centre.data());
  EXPECT_EQ(applied(faces, packed, {}, 3), centre);
}

TEST(Augment, FacesAreMirroredAndDigitsNever) {
  const Picture packed = paint(1, [](double x, double, int) { return x > 0 ? 220 : 30; });
  for (const Augmentation kind : {Augmentation::Face, Augmentation::Digit}) {
    Augmenter one = augmenter(kind);
    Rng rng(5);
    int mirrored = 0;
    Picture out(kSide * kSide);
    for (int i = 0; i < 1000; ++i) {
      one.apply(packed.data(), rng, out.data());
      mirrored += tilt(out) < 0 ? 1 : 0;
    }
    if (kind == Augmentation::Digit) {
      EXPECT_EQ(mirrored, 0);
    } else {
      EXPECT_NEAR(mirrored, 500, 60);
    }
  }
}

TEST(Augment, MapsScaleStretchAndShearAsFarAsSaid) {
  const auto digits = plans(augmenter(Augmentation::Digit), 4000);
  EXPECT_NEAR(most(digits, [](const auto& plan) { return shape_of(plan).scale - 1; }), 0.15, 0.002);
  EXPECT_NEAR(most(digits, [](const auto& plan) { return std::log(shape_of(plan).stretch); }), 0.1, 0.002);
  EXPECT_NEAR(most(digits, [](const auto& plan) { return shape_of(plan).shear; }), 0.15, 0.002);
  const auto faces = plans(augmenter(Augmentation::Face), 4000);
  EXPECT_NEAR(most(faces, [](const auto& plan) { return std::log(shape_of(plan).scale); }), 0.12, 0.002);
  EXPECT_NEAR(most(faces, [](const auto& plan) { return std::log(shape_of(plan).stretch); }), 0.04, 0.001);
  EXPECT_NEAR(most(faces, [](const auto& plan) { return shape_of(plan).shear; }), 0, 1e-5);
}

TEST(Augment, DigitsAreShiftedTurnedScaledAndWarpedAndNothingElse) {
  const auto drawn = plans(augmenter(Augmentation::Digit), 4000);
  EXPECT_NEAR(most(drawn, [](const auto& plan) { return plan.c / kSide; }), 0.08, 0.002);
  EXPECT_NEAR(most(drawn, [](const auto& plan) { return plan.f / kSide; }), 0.08, 0.002);
  EXPECT_NEAR(most(drawn, angle_of), 15, 0.2);
  EXPECT_NEAR(share(drawn, [](const auto& plan) { return plan.warped != 0; }), 0.7, 0.03);
  // Normal shifts of a deviation drawn evenly from a fifth of 3.5 % of the width to all of it.
  EXPECT_NEAR(reach_of(drawn), 0.035 * std::sqrt((1 - 0.2 * 0.2 * 0.2) / (3 * 0.8)), 0.0005);
  for (const AugmentPlan& plan : drawn) {
    EXPECT_EQ(plan.recoloured + plan.blur_radius + plan.covered_width + plan.jpeg_quality, 0);
    const double area = plan.a * plan.e - plan.b * plan.d;
    EXPECT_GT(area, 0.85 * 0.85 * std::exp(-0.1));
    EXPECT_LT(area, 1.15 * 1.15 * std::exp(0.1));
  }
}

TEST(Augment, FacesLoseDetailAreCoveredAndCompressedAsOftenAsSaid) {
  const auto drawn = plans(augmenter(Augmentation::Face, 3), 4000);
  const auto near = [&](double chance, const std::function<bool(const AugmentPlan&)>& is) {
    EXPECT_NEAR(share(drawn, is), chance, 0.03);
  };
  near(0.2, [](const auto& plan) { return plan.blur_radius > 0; });
  near(0.25, [](const auto& plan) { return plan.covered_width > 0; });
  near(0.2, [](const auto& plan) { return plan.jpeg_quality > 0; });
  near(0.1, [](const auto& plan) { return plan.saturation == 0; });
  near(0.0, [](const auto& plan) { return plan.warped != 0; });
  double squares = 0;
  for (const AugmentPlan& plan : drawn) squares += static_cast<double>(angle_of(plan) * angle_of(plan));
  EXPECT_NEAR(std::sqrt(squares / static_cast<double>(drawn.size())), 5, 0.3);
  EXPECT_NEAR(most(drawn, [](const auto& plan) { return plan.c / kSide; }), 0.06, 0.002);
  for (const AugmentPlan& plan : drawn) {
    EXPECT_LE(plan.covered_left + plan.covered_width, kSide);
    EXPECT_LE(plan.covered_top + plan.covered_height, kSide);
    EXPECT_LE(plan.jpeg_quality, 95);
  }
}

TEST(Augment, LightVariesAsFarAsSaid) {
  const auto drawn = plans(augmenter(Augmentation::Face, 3), 2000);
  EXPECT_NEAR(most(drawn, [](const auto& plan) { return std::log(plan.gain); }), 0.25, 0.01);
  EXPECT_NEAR(most(drawn, [](const auto& plan) { return std::log(plan.gamma); }), 0.25, 0.01);
  EXPECT_NEAR(most(drawn, [](const auto& plan) { return plan.offset; }), 20, 0.2);
}

TEST(Augment, ColoursFollowTheCurve) {
  Augmenter faces = augmenter(Augmentation::Face, 3);
  AugmentPlan plan;
  plan.recoloured = 1;
  plan.gain = 1.2F;
  plan.offset = -10;
  plan.gamma = 0.8F;
  for (const std::uint8_t level : {0, 20, 128, 200, 255}) {
    const double bright = std::clamp((level - 128) * 1.2 + 128 - 10, 0.0, 255.0);
    const double expected = 255 * std::pow(bright / 255, 0.8);
    for (const std::uint8_t value : applied(faces, flat(3, level), plan, 3)) {
      EXPECT_NEAR(value, expected, 0.51) << int{level};
    }
  }
  AugmentPlan grey;
  grey.recoloured = 1;
  grey.saturation = 0;
  const Picture packed = paint(3, [](double, double, int c) { return 40 + 80 * c; });
  const Picture out = applied(faces, packed, grey, 3);
  for (const std::uint8_t value : out) EXPECT_NEAR(value, 0.299 * 40 + 0.587 * 120 + 0.114 * 200, 0.51);
}

TEST(Augment, ABlurTakesDetailAndLeavesTheMean) {
  const Picture stripes = paint(1, [](double x, double, int) { return std::lround(20 * x) % 2 ? 200 : 50; });
  Augmenter faces = augmenter(Augmentation::Face);
  const auto spread = [](const Picture& picture) {
    const double mean =
        std::accumulate(picture.begin(), picture.end(), 0.0) / static_cast<double>(picture.size());
    double squares = 0;
    for (const std::uint8_t value : picture) squares += (value - mean) * (value - mean);
    return std::pair(mean, std::sqrt(squares / static_cast<double>(picture.size())));
  };
  const auto [mean, sharp] = spread(applied(faces, stripes, {}));
  double before = sharp;
  for (const int radius : {1, 2}) {
    AugmentPlan plan;
    plan.blur_radius = radius;
    const auto [blurred_mean, blurred] = spread(applied(faces, stripes, plan));
    EXPECT_LT(blurred, 0.9 * before) << radius;
    EXPECT_NEAR(blurred_mean, mean, 3);
    before = blurred;
  }
}

TEST(Augment, ACoverIsARectangleOfOneColour) {
  Augmenter faces = augmenter(Augmentation::Face, 3);
  AugmentPlan plan;
  plan.covered_left = 5;
  plan.covered_top = 7;
  plan.covered_width = 10;
  plan.covered_height = 4;
  plan.paint[0] = 10, plan.paint[1] = 60, plan.paint[2] = 250;
  const Picture out = applied(faces, flat(3, 100), plan, 3);
  for (int y = 0; y < kSide; ++y) {
    for (int x = 0; x < kSide; ++x) {
      const bool covered = x >= 5 && x < 15 && y >= 7 && y < 11;
      const std::uint8_t* pixel = out.data() + 3 * (y * kSide + x);
      ASSERT_EQ(pixel[0], covered ? 10 : 100) << x << ' ' << y;
      ASSERT_EQ(pixel[2], covered ? 250 : 100) << x << ' ' << y;
    }
  }
}

TEST(Augment, JpegCostsTheMoreTheLowerItsQuality) {
  Rng rng(3);
  const Picture noise = paint(3, [&](double x, double, int) { return 128 + 60 * x + 25 * rng.normal(); });
  Augmenter faces = augmenter(Augmentation::Face, 3);
  const Picture sharp = applied(faces, noise, {}, 3);
  double before = 0;
  for (const int quality : {95, 60, 25}) {
    AugmentPlan plan;
    plan.jpeg_quality = quality;
    const Picture out = applied(faces, noise, plan, 3);
    double difference = 0;
    for (std::size_t i = 0; i < out.size(); ++i) difference += std::abs(out[i] - sharp[i]);
    difference /= static_cast<double>(out.size());
    EXPECT_GT(difference, before) << quality;
    before = difference;
  }
  EXPECT_LT(before, 40) << "it is the same picture";
}

TEST(Augment, AnIdentitysWarpIsTheSameInAllItsPictures) {
  const Augmenter faces = augmenter(Augmentation::Face);
  Rng rng(1);
  const Rng ann(7), bob(8);
  const auto nodes = [&](const Rng& identity) {
    const AugmentPlan plan = faces.draw(rng, &identity);
    return std::vector<float>(std::begin(plan.nodes), std::end(plan.nodes));
  };
  const auto first = nodes(ann);
  EXPECT_EQ(nodes(ann), first);
  EXPECT_NE(nodes(bob), first);
  std::vector<AugmentPlan> people;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    const Rng person(seed);
    people.push_back(faces.draw(rng, &person));
  }
  EXPECT_NEAR(reach_of(people), 0.03, 0.001) << "of the width: as features differ from face to face";
}

}  // namespace
}  // namespace training
