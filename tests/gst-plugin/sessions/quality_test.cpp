// SPDX-License-Identifier: LGPL-2.1-or-later
// The quality of the faces that the embedding session looks at, and the reasons that follow from it.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "embed/quality.h"
#include "fixtures.h"
#include "sessions/embed_session.h"

namespace {

using embed::QualityFlaw;
using embed::gst::EmbedSession;
using embed::gst::EmbedSettings;
using embed::gst::explained;
using embed::gst::Identity;
using embed::gst::Reason;
using embed::gst::Roi;

constexpr int kWidth = 200, kHeight = 100;

/// Cells of two pixels, black to white at random: detail of any size.
std::vector<std::uint8_t> speckled(double gain = 1) {
  std::vector<std::uint8_t> rgb(static_cast<std::size_t>(kWidth) * kHeight * 3);
  for (std::size_t i = 0; i < rgb.size(); ++i) {
    const std::size_t x = i / 3 % kWidth / 2, y = i / 3 / kWidth / 2;
    const std::size_t mixed = (x * 73856093U) ^ (y * 19349663U);
    rgb[i] = static_cast<std::uint8_t>(gain * (60 + mixed % 97));
  }
  return rgb;
}

Roi face_at(std::int64_t x, std::int64_t y, std::int64_t side) {
  Roi roi;
  roi.id = static_cast<int>(x + 1);
  roi.type = "face";
  roi.box = {x, y, side, side};
  roi.confidence = 0.94;
  return roi;
}

class SessionQuality : public ::testing::Test {
 protected:
  SessionQuality() {
    fixtures::WeightsOptions weights;
    weights.input.width = weights.input.height = 40;
    settings_.model = fixtures::write_weights(fixtures::temp_dir() + "/forty.safetensors", weights);
    settings_.gallery = fixtures::write_gallery(fixtures::temp_dir() + "/bob.safetensors", settings_.model,
                                                {{"Bob", fixtures::random_embedding(5)}});
    settings_.match.threshold = 0.0001;
  }

  Identity run(const Roi& roi, const std::vector<std::uint8_t>& rgb) {
    session_.open(settings_);
    const auto picture = fixtures::from_rgb(rgb, kWidth, kHeight, embed::PixelFormat::Rgb);
    auto plan = session_.plan({roi}, kWidth, kHeight, settings_);
    if (plan.needs_pixels()) session_.submit(picture.view(), plan);
    EXPECT_TRUE(session_.complete(plan, settings_));
    session_.finish(plan);
    return plan.identities.at(0);
  }

  EmbedSettings settings_;
  EmbedSession session_;
};

TEST_F(SessionQuality, OfAGoodPictureTheReasonIsTheGallerys) {
  const Identity identity = run(face_at(20, 10, 80), speckled());
  EXPECT_EQ(identity.reason, Reason::Far);
  EXPECT_GT(identity.quality.value_or(0), 0.8F);
}

TEST_F(SessionQuality, TheReasonIsThePicturesFlaw) {
  const std::vector<std::uint8_t> smooth = fixtures::rgb_pattern(kWidth, kHeight, 1);
  Roi turned = face_at(20, 10, 80);
  turned.landmarks = embed::Landmarks{{{30, 30}, {44, 30}, {28, 50}, {33, 70}, {44, 70}}};
  const struct {
    Roi roi;
    std::vector<std::uint8_t> picture;
    Reason reason;
  } cases[] = {
      {face_at(20, 10, 80), speckled(0.03), Reason::Dark},
      {turned, speckled(), Reason::Turned},
      {face_at(20, 10, 80), smooth, Reason::Blurred},
      {face_at(20, 10, 14), speckled(), Reason::Small},
  };
  for (const auto& c : cases) {
    const Identity identity = run(c.roi, c.picture);
    EXPECT_EQ(identity.reason, c.reason) << to_string(c.reason);
    EXPECT_LT(identity.quality.value_or(1), 0.5F) << to_string(c.reason);
    EXPECT_EQ(identity.nearest, "Bob") << "whom it was compared with is still told";
    EXPECT_EQ(session_.stats().unnamed.at(c.reason), 1U);
  }
}

TEST_F(SessionQuality, ANameIsGivenWhateverTheQuality) {
  settings_.match.threshold = 100;
  const Identity identity = run(face_at(20, 10, 80), speckled(0.03));
  EXPECT_EQ(identity.label, "Bob");
  EXPECT_EQ(identity.reason, Reason::None);
  EXPECT_LT(identity.quality.value_or(1), 0.5F);
}

TEST_F(SessionQuality, WhatWasNotEmbeddedHasNone) {
  settings_.min_face_size = 50;
  const Identity identity = run(face_at(20, 10, 40), speckled());
  EXPECT_EQ(identity.reason, Reason::Small);
  EXPECT_FALSE(identity.quality);
}

TEST_F(SessionQuality, WholePicturesHaveNone) {
  fixtures::WeightsOptions weights;
  weights.input.width = weights.input.height = 40;
  weights.input.crop.alignment = embed::Alignment::Whole;
  settings_.model = fixtures::write_weights(fixtures::temp_dir() + "/whole.safetensors", weights);
  settings_.gallery.clear();
  EXPECT_FALSE(run(face_at(20, 10, 80), speckled(0.03)).quality);
}

TEST(Reasons, AFlawExplainsThatNobodyWasNearEnoughAndNothingElse) {
  EXPECT_EQ(explained(Reason::Far, QualityFlaw::None), Reason::Far);
  EXPECT_EQ(explained(Reason::Far, QualityFlaw::Harsh), Reason::Far);
  EXPECT_EQ(explained(Reason::Far, QualityFlaw::Blurred), Reason::Blurred);
  EXPECT_EQ(explained(Reason::Ambiguous, QualityFlaw::Turned), Reason::Turned);
  for (const Reason reason : {Reason::None, Reason::NoGallery, Reason::Skipped, Reason::Outside})
    EXPECT_EQ(explained(reason, QualityFlaw::Dark), reason);
}

TEST(Reasons, AllHaveATextThatIsReadBack) {
  for (const Reason reason : embed::gst::kReasons) {
    EXPECT_STRNE(to_string(reason), "other");
    EXPECT_EQ(embed::gst::reason_of(to_string(reason)), reason);
  }
}

}  // namespace
