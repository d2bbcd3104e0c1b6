// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "embed/embedder.h"
#include "gst_support.h"
#include "sessions/embed_session.h"

namespace gsttest {

using embed::gst::EmbedSession;
using embed::gst::EmbedSettings;
using embed::gst::Reason;
using embed::gst::Roi;

inline Roi roi_at(std::int64_t x, std::int64_t y, std::int64_t w, std::int64_t h, int id = 1) {
  Roi roi;
  roi.id = id;
  roi.type = "face";
  roi.box = {x, y, w, h};
  return roi;
}

/// A session of the quick weights, and a picture whose faces it is asked for.
class Session : public ::testing::Test {
 protected:
  Session() { settings_.model = gsttest::quick_weights_file(); }

  std::vector<embed::gst::Identity> run(const std::vector<Roi>& rois) {
    auto plan = session_.plan(rois, picture_.width, picture_.height, settings_);
    if (plan.needs_pixels()) session_.submit(picture_.view(), plan);
    EXPECT_TRUE(session_.complete(plan, settings_));
    session_.finish(plan);
    return plan.identities;
  }
  embed::Embedding embedding_of(const Roi& roi) {
    const embed::Embedder embedder(settings_.model);
    embed::FaceRegion region;
    region.box = {static_cast<float>(roi.box.x), static_cast<float>(roi.box.y),
                  static_cast<float>(roi.box.width), static_cast<float>(roi.box.height)};
    return embedder.embed(picture_.view(), {region}).at(0);
  }
  std::string gallery(const std::vector<fixtures::NamedEmbedding>& rows) {
    return fixtures::write_gallery(fixtures::temp_dir() + "/gallery.safetensors", settings_.model, rows);
  }

  fixtures::Pixels picture_ = fixtures::make_image(embed::PixelFormat::Rgb, 160, 120);
  EmbedSettings settings_;
  EmbedSession session_;
};

}  // namespace gsttest
