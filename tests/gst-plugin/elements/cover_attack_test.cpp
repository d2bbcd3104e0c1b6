// SPDX-License-Identifier: LGPL-2.1-or-later
// Somebody looks for the faces that tripletoverlay has covered, by the detector and the network that found
// and named them.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>

#include "embed/default_weights.h"
#include "embed/embedder.h"
#include "embed/faces/detector.h"
#include "embed/gallery.h"
#include "embed/match_rule.h"
#include "glue/face_meta.h"
#include "gst_support.h"
#include "sessions/face_cover.h"

namespace {

using gsttest::own;

/// A frame of a clip, B, G, R, and the face on it.
struct Shot {
  std::string name;
  fixtures::Pixels picture;
  embed::faces::DetectedFace face;
};

fixtures::Pixels first_frame(const std::string& file) {
  const std::string launch =
      "filesrc location=" + file + " ! decodebin ! videoconvert ! video/x-raw,format=BGR ! appsink name=s";
  GstElement* source = gst_parse_launch(launch.c_str(), nullptr);
  gst_element_set_state(source, GST_STATE_PLAYING);
  GstElement* sink = gst_bin_get_by_name(GST_BIN(source), "s");
  GstSample* sample = nullptr;
  g_signal_emit_by_name(sink, "pull-sample", &sample);
  fixtures::Pixels picture;
  GstVideoInfo info;
  GstVideoFrame frame;
  if (sample != nullptr && gst_video_info_from_caps(&info, gst_sample_get_caps(sample)) != FALSE &&
      gst_video_frame_map(&frame, &info, gst_sample_get_buffer(sample), GST_MAP_READ) != FALSE) {
    picture.format = embed::PixelFormat::Bgr;
    picture.width = info.width;
    picture.height = info.height;
    picture.strides[0] = GST_VIDEO_FRAME_PLANE_STRIDE(&frame, 0);
    const auto* data = static_cast<std::uint8_t*>(GST_VIDEO_FRAME_PLANE_DATA(&frame, 0));
    picture.planes[0].assign(data, data + picture.strides[0] * picture.height);
    gst_video_frame_unmap(&frame);
  }
  if (sample != nullptr) gst_sample_unref(sample);
  gst_element_set_state(source, GST_STATE_NULL);
  gst_object_unref(sink);
  gst_object_unref(source);
  return picture;
}

/// The part of a picture that lies in a place, four times as large: a detector sees small faces better then.
fixtures::Pixels enlarged(const fixtures::Pixels& picture, const embed::gst::PixelRect& place) {
  const auto left = std::max<std::int64_t>(0, place.x), top = std::max<std::int64_t>(0, place.y);
  fixtures::Pixels part;
  part.format = picture.format;
  part.width = 4 * static_cast<int>(std::min<std::int64_t>(picture.width, place.x + place.width) - left);
  part.height = 4 * static_cast<int>(std::min<std::int64_t>(picture.height, place.y + place.height) - top);
  part.strides[0] = 3 * part.width;
  for (int y = 0; y < part.height; ++y) {
    for (int x = 0; x < part.width; ++x) {
      const auto* pixel = picture.planes[0].data() + (top + y / 4) * picture.strides[0] + 3 * (left + x / 4);
      part.planes[0].insert(part.planes[0].end(), pixel, pixel + 3);
    }
  }
  return part;
}

class CoverAttack : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto data = fixtures::data_dir();
    if (!data) GTEST_SKIP() << "TRIPLETEMBED_DATA names no folder of real data";
    embed::faces::DetectorOptions options;
    options.detector = "yunet";
    options.model = *data + "/models/face_detection_yunet_2023mar.onnx";
    // An attacker takes more time, and believes more.
    options.score_threshold = 0.5F;
    options.max_side = 0;
    detector_ = embed::faces::make_detector(options);
    embedder_ = std::make_unique<embed::Embedder>(embed::default_weights("model"),
                                                  embed::EmbedderOptions{"cpu", "fp32", 1});
    gallery_ = std::make_unique<embed::Gallery>(embedder_->info().metric, embedder_->info().sha256);
    for (const char* clip : {"bird.mkv", "book.mkv", "eat.mkv", "help.mkv", "learn.mkv", "milk.mkv",
                             "night.mkv", "please.mkv", "school.mkv", "walk.mkv"}) {
      Shot shot{clip, first_frame(*data + "/video/" + clip), {}};
      ASSERT_GT(shot.picture.width, 0) << clip;
      const auto found = detector_->detect(shot.picture.view());
      if (found.empty()) continue;
      shot.face = found[0];
      gallery_->add(clip, embedder_->embed(shot.picture.view(), {shot.face.region}).at(0));
      shots_.push_back(std::move(shot));
    }
    ASSERT_GE(shots_.size(), 5U);
  }

  static embed::gst::PixelRect box_of(const Shot& shot) {
    const embed::Rect& box = shot.face.region.box;
    return {std::llround(box.x), std::llround(box.y), std::llround(box.width), std::llround(box.height)};
  }

  static fixtures::Pixels covered(const Shot& shot, const std::string& style) {
    gsttest::Harness harness("tripletoverlay cover=all cover-style=" + style);
    harness.caps(gsttest::caps_text(shot.picture));
    GstBuffer* in = gsttest::make_buffer(shot.picture);
    embed::gst::add_face(in, shot.face.region, 0.9, shot.picture.width, shot.picture.height);
    const auto out = own(harness.push(in));
    fixtures::Pixels picture = shot.picture;
    gst_buffer_extract(out.get(), 0, picture.planes[0].data(), picture.planes[0].size());
    return picture;
  }

  std::string name_of(const fixtures::Pixels& picture, const embed::FaceRegion& region) const {
    const auto options = embed::match_rule({}, embedder_->info(), *gallery_);
    EXPECT_TRUE(options.threshold);
    const auto embedding = embedder_->embed(picture.view(), {region}).at(0);
    const embed::Match match = gallery_->match(embedding, options);
    return match.label_id < 0 ? "" : gallery_->name(match.label_id);
  }

  std::unique_ptr<embed::faces::FaceDetector> detector_;
  std::unique_ptr<embed::Embedder> embedder_;
  std::unique_ptr<embed::Gallery> gallery_;
  std::vector<Shot> shots_;
};

TEST_F(CoverAttack, WithoutACoverEverybodyIsNamed) {
  for (const Shot& shot : shots_) EXPECT_EQ(name_of(shot.picture, shot.face.region), shot.name);
}

TEST_F(CoverAttack, NobodyIsFoundOrNamedUnderAnyStyle) {
  for (const std::string style : {"blur", "pixelate", "fill"}) {
    for (const Shot& shot : shots_) {
      SCOPED_TRACE(style + " " + shot.name);
      const fixtures::Pixels picture = covered(shot, style);
      EXPECT_EQ(name_of(picture, shot.face.region), "")
          << "who knows where the eyes were does not know whose";
      embed::FaceRegion box = shot.face.region;
      box.landmarks.reset();
      EXPECT_EQ(name_of(picture, box), "");
      for (const auto& found : detector_->detect(picture.view())) {
        EXPECT_LT(embed::intersection_over_union(found.region.box, shot.face.region.box), 0.1F);
      }
      const fixtures::Pixels close = enlarged(picture, embed::gst::cover_place(box_of(shot)));
      for (const auto& found : detector_->detect(close.view())) EXPECT_EQ(name_of(close, found.region), "");
    }
  }
}

}  // namespace
