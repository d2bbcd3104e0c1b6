// SPDX-License-Identifier: LGPL-2.1-or-later
// What the elements do, driven without a pipeline: the embedding session, options.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <fstream>
#include <thread>

#include "embed/default_weights.h"
#include "embed/error.h"
#include "session_fixture.h"

namespace {

using namespace gsttest;

TEST_F(Session, IsAskedForItsRoomWhileItOpensAndCloses) {
  std::atomic<bool> done{false};
  std::thread asks([&] {
    while (!done) {
      const std::size_t room = session_.most_frames(settings_);
      EXPECT_GE(room, 4U);
      EXPECT_LE(room, 16U);
      std::this_thread::yield();
    }
  });
  for (int i = 0; i < 8; ++i) {
    session_.open(settings_);
    session_.close();
  }
  done = true;
  asks.join();
}

TEST_F(Session, NamesTheEnrolledFaceAndSaysWhyTheOthersHaveNone) {
  const Roi ann = roi_at(10, 10, 40, 40, 1);
  settings_.gallery = gallery({{"Ann", embedding_of(ann)}, {"Bob", fixtures::random_embedding(5)}});
  settings_.match.threshold = 0.0001;
  settings_.min_face_size = 20;
  session_.open(settings_);
  const auto got = run({ann, roi_at(90, 60, 50, 50, 2), roi_at(5, 5, 10, 10, 3), roi_at(500, 5, 40, 40, 4)});
  ASSERT_EQ(got.size(), 4U);
  EXPECT_EQ(got[0].label, "Ann");
  EXPECT_EQ(got[0].label_id, 0);
  EXPECT_EQ(got[0].reason, Reason::None);
  ASSERT_TRUE(got[0].distance);
  EXPECT_LT(*got[0].distance, 1e-4F);
  EXPECT_EQ(got[0].nearest, "Ann");
  EXPECT_EQ(got[0].runner_up, "Bob");
  ASSERT_TRUE(got[0].threshold);
  EXPECT_FLOAT_EQ(*got[0].threshold, 0.0001F);
  ASSERT_TRUE(got[0].embedding);
  EXPECT_GE(1 - embed::distance(embed::Metric::Cosine, *got[0].embedding, embedding_of(ann)), 0.9999F);
  EXPECT_EQ(got[1].label, "???");
  EXPECT_EQ(got[1].label_id, -1);
  EXPECT_EQ(got[1].reason, Reason::Far);
  EXPECT_FALSE(got[1].nearest.empty());
  EXPECT_TRUE(got[1].distance);
  EXPECT_EQ(got[2].reason, Reason::Small);
  EXPECT_FALSE(got[2].embedding);
  EXPECT_EQ(got[3].reason, Reason::Outside);
  const auto stats = session_.stats();
  EXPECT_EQ(stats.frames, 1U);
  EXPECT_EQ(stats.faces, 4U);
  EXPECT_EQ(stats.embedded, 2U);
  EXPECT_EQ(stats.named, 1U);
  EXPECT_EQ(stats.rejected, 1U);
  EXPECT_EQ(stats.batches, 1U);
  EXPECT_GT(stats.infer_time, 0U);
}

TEST_F(Session, AmbiguousWithinTheMargin) {
  const Roi face = roi_at(10, 10, 40, 40);
  const auto known = embedding_of(face);
  settings_.gallery = gallery({{"Ann", known}, {"Eve", known}});
  settings_.match.margin = 0.01F;
  session_.open(settings_);
  EXPECT_EQ(run({face}).at(0).reason, Reason::Ambiguous);
}

TEST_F(Session, OpenedAgainItReadsAGalleryThatWasReplaced) {
  settings_.start_key = "the same";
  const Roi face = roi_at(10, 10, 40, 40);
  settings_.gallery = gallery({{"Ann", embedding_of(face)}});
  settings_.match.threshold = 0.0001;
  session_.open(settings_);
  EXPECT_EQ(run({face}).at(0).label, "Ann");
  gallery({{"Bob", embedding_of(face)}, {"Eve", fixtures::random_embedding(5)}});
  EXPECT_EQ(run({face}).at(0).label, "Ann") << "read while it ran";
  session_.open(settings_);
  EXPECT_EQ(run({face}).at(0).label, "Bob");
  // A broken one leaves what was read.
  std::ofstream(settings_.gallery) << "no gallery";
  EXPECT_THROW(session_.open(settings_), embed::Error);
  EXPECT_EQ(run({face}).at(0).label, "Bob");
  EXPECT_THROW(session_.open(settings_), embed::Error) << "refused once only";
}

TEST_F(Session, WithoutGalleryNobodyIsNamedButAllAreEmbedded) {
  settings_.unknown_label = "stranger";
  session_.open(settings_);
  const auto got = run({roi_at(10, 10, 40, 40)});
  EXPECT_EQ(got.at(0).reason, Reason::NoGallery);
  EXPECT_EQ(got.at(0).label, "stranger");
  EXPECT_FALSE(got.at(0).distance);
  EXPECT_TRUE(got.at(0).embedding);
  settings_.attach_embedding = false;
  EXPECT_FALSE(run({roi_at(10, 10, 40, 40)}).at(0).embedding);
}

TEST_F(Session, SkipsTheFramesBetween) {
  settings_.inference_interval = 3;
  session_.open(settings_);
  // The face moves, and on each frame another one comes in its corner.
  for (int i = 0; i < 6; ++i) {
    const auto got = run({roi_at(10 + 5 * i, 10, 40, 40), roi_at(100, i % 3 == 0 ? -200 : 60, 40, 40)});
    const bool embedded = i % 3 == 0;
    EXPECT_EQ(got.at(0).reason, Reason::NoGallery) << "the last result is carried on";
    EXPECT_EQ(got.at(0).predicted, !embedded);
    EXPECT_EQ(got.at(0).embedding.has_value(), embedded);
    EXPECT_EQ(got.at(1).reason, embedded ? Reason::Outside : Reason::Skipped) << "nothing is known of it";
    EXPECT_FALSE(got.at(1).predicted);
  }
  const auto stats = session_.stats();
  EXPECT_EQ(stats.embedded, 2U);
  EXPECT_EQ(stats.predicted, 4U);
  EXPECT_EQ(stats.unnamed.at(Reason::Skipped), 8U);
}

TEST_F(Session, CarriesNoResultToAnotherFaceOrAnotherStream) {
  settings_.inference_interval = 4;
  settings_.unknown_label = "A";
  session_.open(settings_);
  run({roi_at(10, 10, 40, 40)});
  settings_.unknown_label = "B";
  auto got = run({roi_at(12, 10, 40, 40), roi_at(14, 10, 40, 40)});
  EXPECT_EQ(got.at(0).label, "A");
  EXPECT_EQ(got.at(1).reason, Reason::Skipped) << "one face is not two";
  EXPECT_EQ(run({roi_at(45, 10, 40, 40)}).at(0).reason, Reason::Skipped) << "the boxes hardly overlap";
  session_.restart();
  session_.forget();
  got = run({roi_at(12, 10, 40, 40)});
  EXPECT_FALSE(got.at(0).predicted) << "the first frame of a stream is embedded";
  EXPECT_EQ(got.at(0).label, "B");
}

TEST_F(Session, APredictedRegionGetsTheLastResultAndCountsForNoInterval) {
  settings_.inference_interval = 2;
  session_.open(settings_);
  Roi seen = roi_at(10, 10, 40, 40), predicted = seen;
  predicted.predicted = true;
  std::string marks;
  // A detector that looks at every third frame.
  for (int i = 0; i < 12; ++i) {
    const auto got = run({i % 3 == 0 ? seen : predicted});
    EXPECT_EQ(got.at(0).reason, Reason::NoGallery) << i;
    marks += got.at(0).predicted ? 'p' : 'E';
  }
  EXPECT_EQ(marks, "EpppppEppppp");
}

TEST_F(Session, ThresholdIsTheGallerysElseTheWeightsOfTheSameMetric) {
  const Roi face = roi_at(10, 10, 40, 40);
  settings_.gallery = gallery({{"Ann", embedding_of(face)}});
  session_.open(settings_);
  EXPECT_FLOAT_EQ(run({face}).at(0).threshold.value_or(-1), 0.4F) << "the weights' calibrated one";
  settings_.match.metric = "l1";
  EXPECT_FALSE(run({face}).at(0).threshold) << "calibrated for another metric";
  settings_.match.metric = "auto";
  auto with_threshold = embed::Gallery::load(settings_.gallery);
  with_threshold.set_threshold(0.25F);
  settings_.gallery = fixtures::temp_dir() + "/with-threshold.safetensors";
  with_threshold.save(settings_.gallery);
  session_.open(settings_);
  EXPECT_FLOAT_EQ(run({face}).at(0).threshold.value_or(-1), 0.25F);
  settings_.match.threshold = 0.125;
  EXPECT_FLOAT_EQ(run({face}).at(0).threshold.value_or(-1), 0.125F);
}

TEST_F(Session, SaysTheChanceOfAFalseNameAtTheThresholdThatWasApplied) {
  const Roi face = roi_at(10, 10, 40, 40);
  settings_.gallery = gallery({{"Ann", embedding_of(face)}, {"Bob", fixtures::random_embedding(5)}});
  session_.open(settings_);
  EXPECT_FALSE(run({face}).at(0).far) << "these weights have no table";
  settings_.match.metric = "l1";
  EXPECT_EQ(run({face}).at(0).far, 1) << "no threshold, so everybody gets a name";
  session_.close();
  settings_.match.metric = "auto";
  settings_.gallery.clear();
  session_.open(settings_);
  EXPECT_EQ(run({face}).at(0).far, 0) << "nobody is enrolled";
}

TEST(OptionValues, WhatIsTakenAtTheStartMakesTheKey) {
  embed::gst::OptionValues values(embed::gst::embed_options());
  const auto set = [&values](std::string_view name, embed::gst::OptionValue value) {
    for (std::size_t i = 0; i < values.options().size(); ++i) {
      if (name == values.options()[i].spec.name) values.set(i, value);
    }
    return values.start_key();
  };
  const std::string before = values.start_key();
  EXPECT_EQ(set("threshold", 0.5), before);
  EXPECT_EQ(set("max-faces", std::int64_t{3}), before);
  const std::string with_batches = set("batch-size", std::int64_t{3});
  EXPECT_NE(with_batches, before);
  EXPECT_NE(set("model", std::string("w")), with_batches);
  EXPECT_EQ(EmbedSettings::from(values).start_key, values.start_key());
}

TEST_F(Session, OpensAgainOnlyForAChange) {
  settings_.start_key = "sixteen";
  session_.open(settings_);
  run({roi_at(10, 10, 40, 40)});
  session_.open(settings_);
  EXPECT_EQ(session_.stats().frames, 1U) << "the same settings keep what is open";
  settings_.embedder.batch_size = 4;
  settings_.start_key = "four";
  session_.open(settings_);
  EXPECT_EQ(session_.stats().frames, 0U);
  session_.close();
  EXPECT_EQ(session_.description(), "");
}

TEST_F(Session, SeveralFramesAreInFlight) {
  settings_.min_face_size = 30;
  session_.open(settings_);
  std::vector<embed::gst::FramePlan> plans;
  for (int i = 0; i < 4; ++i) {
    plans.push_back(session_.plan({roi_at(10 + i, 10, 40, 40), roi_at(0, 0, 20, 20)}, picture_.width,
                                  picture_.height, settings_));
    session_.submit(picture_.view(), plans.back());
  }
  for (int i = 0; i < 4; ++i) {
    auto& plan = plans[static_cast<std::size_t>(i)];
    ASSERT_TRUE(session_.complete(plan, settings_));
    session_.finish(plan);
    EXPECT_LT(embed::distance(embed::Metric::Cosine, *plan.identities.at(0).embedding,
                              embedding_of(roi_at(10 + i, 10, 40, 40))),
              1e-4F);
    EXPECT_EQ(plan.identities.at(1).reason, Reason::Small);
  }
  EXPECT_EQ(session_.stats().embedded, 4U);
}

TEST_F(Session, WhatIsWithdrawnIsNotCompleted) {
  session_.open(settings_);
  auto plan = session_.plan({roi_at(10, 10, 40, 40)}, picture_.width, picture_.height, settings_);
  session_.submit(picture_.view(), plan);
  session_.withdraw();
  EXPECT_FALSE(session_.complete(plan, settings_));
  EXPECT_EQ(run({roi_at(10, 10, 40, 40)}).at(0).reason, Reason::NoGallery);
}

TEST_F(Session, LateFramesAreNotEmbedded) {
  settings_.inference_interval = 2;
  session_.open(settings_);
  for (const bool drop : {true, false}) {  // The second is one that inference-interval leaves out anyway.
    const auto plan =
        session_.plan({roi_at(10, 10, 40, 40)}, picture_.width, picture_.height, settings_, true);
    EXPECT_FALSE(plan.needs_pixels());
    EXPECT_EQ(plan.late, drop);
    EXPECT_EQ(plan.identities.at(0).reason, Reason::Skipped);
    session_.finish(plan);
  }
  EXPECT_FALSE(session_.plan({}, picture_.width, picture_.height, settings_, true).late)
      << "nothing to leave out";
  EXPECT_EQ(session_.stats().drops, 1U);
}

TEST_F(Session, HoldsTwoBatchesOverAllStreams) {
  settings_.embedder.batch_size = 16;
  EXPECT_EQ(session_.most_frames(settings_), 4U) << "closed";
  session_.open(settings_);
  EXPECT_EQ(session_.most_frames(settings_), 16U);
  std::vector<std::unique_ptr<EmbedSession>> others;
  for (const std::size_t expected : {16U, 11U, 8U, 7U, 6U, 5U, 4U, 4U}) {
    others.push_back(std::make_unique<EmbedSession>());
    others.back()->open(settings_);
    EXPECT_EQ(session_.most_frames(settings_), expected) << others.size() + 1;
  }
  settings_.max_size_buffers = 2;
  EXPECT_EQ(session_.most_frames(settings_), 2U);
}

TEST_F(Session, HoldsFewerFramesOfManyFaces) {
  settings_.embedder.batch_size = 16;
  session_.open(settings_);
  EXPECT_EQ(session_.room(settings_), 16U) << "of one face, before any is known";
  for (const auto& [faces, frames] : {std::pair(8, 4U), {3, 10U}, {40, 2U}, {1, 16U}}) {
    std::vector<Roi> rois;
    for (int i = 0; i < faces; ++i) rois.push_back(roi_at(10 + i, 10, 40, 40, i + 1));
    run(rois);
    EXPECT_EQ(session_.room(settings_), frames) << faces;
  }
  run({});
  EXPECT_EQ(session_.room(settings_), 16U) << "a frame without a face says nothing of the others";
  settings_.max_size_buffers = 6;
  run({roi_at(10, 10, 40, 40, 1), roi_at(60, 10, 40, 40, 2)});
  EXPECT_EQ(session_.room(settings_), 6U) << "as was asked";
}

TEST_F(Session, RefusesAGalleryOfOtherWeights) {
  settings_.gallery =
      fixtures::write_gallery(fixtures::temp_dir() + "/foreign.safetensors", gsttest::other_weights_file(),
                              {{"Ann", fixtures::random_embedding(1)}});
  try {
    session_.open(settings_);
    FAIL() << "opened";
  } catch (const embed::Error& error) {
    EXPECT_EQ(error.code(), embed::ErrorCode::Mismatch);
    EXPECT_NE(std::string(error.what()).find("foreign.safetensors"), std::string::npos) << error.what();
  }
}

TEST(DefaultWeights, AreTheEnvironmentsOrSayHowToGiveSome) {
  setenv("TRIPLETEMBED_MODEL", "/somewhere/w.safetensors", 1);
  EXPECT_EQ(embed::default_weights("--weights"), "/somewhere/w.safetensors");
  unsetenv("TRIPLETEMBED_MODEL");
  try {
    EXPECT_NE(embed::default_weights("--weights").find("faces-r18.safetensors"), std::string::npos);
  } catch (const embed::Error& error) {
    EXPECT_EQ(error.code(), embed::ErrorCode::NotFound);
    EXPECT_NE(std::string(error.what()).find("TRIPLETEMBED_MODEL"), std::string::npos);
    EXPECT_NE(std::string(error.what()).find("--weights"), std::string::npos);
  }
}

TEST(OptionValues, StartAtTheTablesDefaults) {
  const EmbedSettings defaults = EmbedSettings::from(embed::gst::OptionValues(embed::gst::embed_options()));
  const EmbedSettings written;
  EXPECT_EQ(defaults.embedder.device, written.embedder.device);
  EXPECT_EQ(defaults.embedder.precision, written.embedder.precision);
  EXPECT_EQ(defaults.embedder.batch_size, written.embedder.batch_size);
  EXPECT_EQ(defaults.model_instance_id, written.model_instance_id);
  EXPECT_EQ(defaults.batch_timeout, written.batch_timeout);
  EXPECT_EQ(defaults.max_size_buffers, written.max_size_buffers);
  EXPECT_EQ(defaults.qos, written.qos);
  EXPECT_EQ(defaults.match.threshold, written.match.threshold);
  EXPECT_EQ(defaults.match.far, written.match.far);
  EXPECT_EQ(defaults.match.metric, written.match.metric);
  EXPECT_EQ(defaults.match.k, written.match.k);
  EXPECT_EQ(defaults.match.margin, written.match.margin);
  EXPECT_EQ(defaults.object_class, written.object_class);
  EXPECT_EQ(defaults.full_frame, written.full_frame);
  EXPECT_EQ(defaults.inference_interval, written.inference_interval);
  EXPECT_EQ(defaults.unknown_label, written.unknown_label);
  EXPECT_EQ(defaults.min_face_size, written.min_face_size);
  EXPECT_EQ(defaults.attach_embedding, written.attach_embedding);
}

}  // namespace
