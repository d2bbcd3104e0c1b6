// SPDX-License-Identifier: LGPL-2.1-or-later
// tripletembed's strangers: tracks without a name, over sessions, files and the gallery.
#include <gtest/gtest.h>

#include <filesystem>
#include <map>

#include "embed/safetensors.h"
#include "embed/strangers.h"
#include "error_matchers.h"
#include "gst_support.h"
#include "sessions/gallery_actions.h"

namespace {

using embed::gst::EmbedSession;
using embed::gst::EmbedSettings;
using embed::gst::Identity;
using embed::gst::Reason;
using embed::gst::Roi;
using testing_errors::expect_error;

/// The tensors of `file` as weights with that information.
void write_weights(const std::string& path, const embed::SafetensorsFile& file,
                   const embed::ModelInfo& info) {
  auto metadata = embed::to_metadata(info);
  for (const char* key : {"kind", "version"}) metadata[key] = file.metadata_at(key);
  embed::write_safetensors(path, file.tensors(), metadata);
}

/// Those of the other tests with a table beside them, in which nobody is joined beyond 0.05.
std::string calibrated_weights() {
  const std::string path = fixtures::temp_dir() + "/calibrated.safetensors";
  if (std::filesystem::exists(path)) return path;
  const embed::SafetensorsFile file(gsttest::quick_weights_file());
  auto info = embed::model_info_from_metadata(file.metadata(), file.path());
  info.far_table = {{{1e-1, 0.06F}, {1e-6, 0.04F}}, 1000};
  write_weights(path, file, info);
  return path;
}

Roi face_at(std::int64_t x, std::int64_t y, std::int64_t side, int track) {
  Roi roi;
  roi.id = roi.track = track;
  roi.type = "face";
  roi.box = {x, y, side, side};
  return roi;
}

class SessionStrangers : public ::testing::Test {
 protected:
  SessionStrangers() {
    settings_.model = calibrated_weights();
    settings_.strangers = fixtures::temp_dir() + "/strangers.safetensors";
    std::filesystem::remove(settings_.strangers);
    std::filesystem::remove_all(settings_.strangers + ".crops");
  }

  std::vector<Identity> run(EmbedSession& session, const std::vector<Roi>& rois, int times = 1) {
    std::vector<Identity> last;
    for (int i = 0; i < times; ++i) {
      auto plan = session.plan(rois, picture_.width, picture_.height, settings_);
      if (plan.needs_pixels()) session.submit(picture_.view(), plan);
      EXPECT_TRUE(session.complete(plan, settings_));
      session.finish(plan);
      last = plan.identities;
    }
    return last;
  }

  fixtures::Pixels picture_ = fixtures::make_image(embed::PixelFormat::Rgb, 160, 120);
  EmbedSettings settings_;
};

TEST_F(SessionStrangers, HaveTheirLabelsFromTheFifthFaceOn) {
  EmbedSession session;
  session.open(settings_);
  EXPECT_EQ(run(session, {face_at(10, 10, 40, 4), face_at(90, 60, 50, 9)}, 4).at(0).stranger, "");
  auto got = run(session, {face_at(10, 10, 40, 4), face_at(90, 60, 50, 9), face_at(60, 10, 40, 0)});
  EXPECT_EQ(got.at(0).stranger, "unknown-1");
  EXPECT_EQ(got.at(0).label, "???");
  EXPECT_EQ(got.at(1).stranger, "unknown-2");
  EXPECT_EQ(got.at(2).stranger, "") << "without a track";
  Roi missed = face_at(10, 10, 40, 4);
  missed.predicted = true;
  EXPECT_EQ(run(session, {missed}).at(0).stranger, "unknown-1");
}

TEST_F(SessionStrangers, AreTheSameForAnotherCameraAndAfterARestart) {
  const Roi ann = face_at(10, 10, 40, 1), eve = face_at(90, 60, 50, 2);
  {
    EmbedSession door, yard;
    door.open(settings_);
    yard.open(settings_);
    EXPECT_EQ(run(door, {ann}, 5).at(0).stranger, "unknown-1");
    Roi there = eve;
    there.track = 1;
    EXPECT_EQ(run(yard, {there}, 5).at(0).stranger, "unknown-2");
    there = ann;
    there.track = 2;
    EXPECT_EQ(run(yard, {there}, 5).at(0).stranger, "unknown-1");
    door.restart();
    door.forget();
    EXPECT_EQ(run(door, {ann}, 4).at(0).stranger, "") << "another stream's track";
  }
  EmbedSession session;
  session.open(settings_);
  EXPECT_EQ(run(session, {eve, ann}, 5).at(0).stranger, "unknown-2");
}

TEST_F(SessionStrangers, BecomePeopleOfTheGalleryByOneCall) {
  settings_.match.threshold = 0.01;
  settings_.camera = "door";
  EmbedSession session;
  embed::gst::GalleryActions actions(session);
  expect_error(embed::ErrorCode::InvalidArgument, {"READY"},
               [&] { actions.name_stranger("unknown-1", "Ann"); });
  session.open(settings_);
  const Roi ann = face_at(10, 10, 40, 1), eve = face_at(90, 60, 50, 2);
  EXPECT_EQ(run(session, {ann, eve}, 5).at(0).stranger, "unknown-1");
  expect_error(embed::ErrorCode::NotFound, {"unknown-9"}, [&] { actions.name_stranger("unknown-9", "Ann"); });
  expect_error(embed::ErrorCode::InvalidArgument, {}, [&] { actions.name_stranger("unknown-1", "???"); });
  actions.name_stranger("unknown-1", "Ann");
  const auto got = run(session, {ann, eve}, 3);
  EXPECT_EQ(got.at(0).label, "Ann");
  EXPECT_EQ(session.live_gallery().get()->enrolment(0).source, "unknown-1, door");
  EXPECT_EQ(got.at(0).stranger, "");
  EXPECT_EQ(got.at(1).stranger, "unknown-2");
  EXPECT_EQ(session.strangers()->groups().size(), 1U);
}

TEST_F(SessionStrangers, LeaveACropWhereAsked) {
  settings_.keep_crops = true;
  {
    EmbedSession session;
    session.open(settings_);
    run(session, {face_at(10, 10, 40, 1)}, 5);
  }
  EXPECT_TRUE(std::filesystem::exists(settings_.strangers + ".crops/unknown-1.ppm"));
}

TEST_F(SessionStrangers, AreRefusedWithWeightsThatCannotTellThemApart) {
  settings_.model = gsttest::quick_weights_file();
  EmbedSession session;
  expect_error(embed::ErrorCode::Unsupported, {"far_table"}, [&] { session.open(settings_); });
  settings_.strangers.clear();
  session.open(settings_);
  EXPECT_EQ(run(session, {face_at(10, 10, 40, 1)}, 6).at(0).stranger, "") << "nobody asked for a file";
}

TEST_F(SessionStrangers, AreLeftAloneInAFileOfOtherWeights) {
  const std::string path = settings_.strangers;
  {
    EmbedSession session;
    session.open(settings_);
    run(session, {face_at(10, 10, 40, 1)}, 5);
  }
  const auto before = fixtures::read_bytes(path);
  const embed::SafetensorsFile file(calibrated_weights());
  auto info = embed::model_info_from_metadata(file.metadata(), file.path());
  info.input.mean = {0.5F, 0.5F, 0.5F};
  settings_.model = fixtures::temp_dir() + "/others.safetensors";
  write_weights(settings_.model, file, info);
  EmbedSession session;
  expect_error(embed::ErrorCode::Mismatch, {path, "other weights"}, [&] { session.open(settings_); });
  EXPECT_EQ(fixtures::read_bytes(path), before);
}

}  // namespace
