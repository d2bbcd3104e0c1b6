// SPDX-License-Identifier: LGPL-2.1-or-later
// The embedding session behind a tracker: one decision a track, and when its face is embedded again.
#include <gtest/gtest.h>

#include "session_fixture.h"
#include "sessions/track_schedule.h"

namespace {

using namespace gsttest;

TEST_F(Session, ATrackKeepsItsResultWhileItsFaceIsMissed) {
  session_.open(settings_);
  Roi here = roi_at(10, 10, 40, 40), missed = roi_at(60, 10, 40, 40);
  here.track = 1, missed.track = 2;
  run({here, missed});
  missed.predicted = true;
  for (int i = 0; i < 3; ++i) {
    missed.box.x += 60;  // Too far for an overlap.
    missed.box.x %= 120;
    const auto got = run({here, missed});
    EXPECT_FALSE(got.at(0).predicted) << i;
    EXPECT_EQ(got.at(1).reason, Reason::NoGallery) << i;
    EXPECT_TRUE(got.at(1).predicted) << i;
  }
  run({here});
  const auto back = run({here, missed}).at(1);
  EXPECT_EQ(back.reason, Reason::NoGallery) << "the same track after a gap";
  EXPECT_TRUE(back.predicted);
  Roi other = missed;
  other.track = 3;
  missed.predicted = false;
  run({here, missed});
  EXPECT_EQ(run({here, other}).at(1).reason, Reason::Skipped) << "another track in the same place";
}

TEST_F(Session, ATrackIsUndecidedUntilItIsNamedForGood) {
  Roi ann = roi_at(10, 10, 40, 40, 1), eve = roi_at(90, 60, 50, 50, 2);
  ann.track = 1, eve.track = 2;
  settings_.gallery = gallery({{"Ann", embedding_of(ann)}, {"Bob", fixtures::random_embedding(5)}});
  settings_.match.threshold = 0.0001;
  session_.open(settings_);
  const auto early = run({ann, eve}).at(0);
  EXPECT_EQ(early.reason, Reason::Undecided);
  EXPECT_EQ(early.label, "???");
  EXPECT_EQ(early.label_id, -1);
  EXPECT_EQ(early.nearest, "Ann");
  EXPECT_TRUE(early.embedding);
  auto got = run({ann, eve});
  EXPECT_EQ(got.at(0).label, "Ann");
  EXPECT_EQ(got.at(1).reason, Reason::Far);
  // Where nothing can be embedded the name goes on, and of those without one the frame says why.
  settings_.min_face_size = 100;
  got = run({ann, eve});
  EXPECT_EQ(got.at(0).label, "Ann");
  EXPECT_TRUE(got.at(0).predicted);
  EXPECT_EQ(got.at(1).reason, Reason::Small);
  EXPECT_EQ(session_.stats().unnamed.at(Reason::Undecided), 2U);
  ASSERT_TRUE(session_.evidence(1));
  EXPECT_EQ(session_.evidence(1)->count(), 2U);
  EXPECT_LT(embed::distance(embed::Metric::Cosine, session_.evidence(1)->mean(), embedding_of(ann)), 1e-4F);
  EXPECT_FALSE(session_.evidence(7));
  session_.restart();
  session_.forget();
  settings_.min_face_size = 0;
  EXPECT_FALSE(session_.evidence(1));
  EXPECT_EQ(run({ann}).at(0).reason, Reason::Undecided) << "another stream";
}

TEST_F(Session, AnHourWithoutFacesForgetsTracks) {
  Roi ann = roi_at(10, 10, 40, 40, 1);
  ann.track = 1;
  settings_.gallery = gallery({{"Ann", embedding_of(ann)}});
  session_.open(settings_);
  const auto at = [&](const std::vector<Roi>& rois, std::chrono::seconds time) {
    auto plan = session_.plan(rois, picture_.width, picture_.height, settings_);
    plan.time = time;
    if (plan.needs_pixels()) session_.submit(picture_.view(), plan);
    EXPECT_TRUE(session_.complete(plan, settings_));
    return plan.identities;
  };
  at({ann}, std::chrono::seconds(1));
  EXPECT_EQ(at({ann}, std::chrono::seconds(2)).at(0).label, "Ann");
  at({}, std::chrono::seconds(3));
  EXPECT_EQ(at({ann}, std::chrono::seconds(4)).at(0).label, "Ann");
  at({}, std::chrono::hours(1));
  EXPECT_EQ(at({ann}, std::chrono::hours(1)).at(0).reason, Reason::Undecided);
}

TEST_F(Session, AFaceWithAnotherOnesTrackIsNamedByItself) {
  Roi ann = roi_at(10, 10, 40, 40, 1), twin = roi_at(60, 10, 40, 40, 2);
  ann.track = twin.track = 1;
  settings_.gallery = gallery({{"Ann", embedding_of(ann)}, {"Bob", embedding_of(twin)}});
  settings_.match.threshold = 0.0001;
  session_.open(settings_);
  const auto got = run({ann, twin});
  EXPECT_EQ(got.at(0).reason, Reason::Undecided);
  EXPECT_EQ(got.at(1).label, "Bob");
  EXPECT_EQ(run({ann, twin}).at(0).label, "Ann");
}

TEST_F(Session, TwoFacesOfAFrameAreNotOnePerson) {
  Roi ann = roi_at(10, 10, 40, 40, 1), picture = ann;
  ann.track = 1, picture.track = 2;
  settings_.gallery = gallery({{"Ann", embedding_of(ann)}});
  session_.open(settings_);
  run({ann, picture});
  const auto got = run({ann, picture});
  EXPECT_EQ(got.at(0).label, "Ann");
  EXPECT_EQ(got.at(1).label, "???");
  EXPECT_EQ(got.at(1).reason, Reason::Taken);
}

TEST_F(Session, ADecidedTrackIsEmbeddedAtItsInterval) {
  Roi face = roi_at(10, 10, 40, 40), untracked = roi_at(100, 60, 40, 40, 2);
  settings_.gallery = gallery({{"Ann", embedding_of(face)}, {"Bob", fixtures::random_embedding(5)}});
  settings_.match.threshold = 2;
  settings_.reclassify_interval = 5;
  session_.open(settings_);
  face.track = 1;
  std::string marks;
  for (int i = 0; i < 20; ++i) {
    face.predicted = i == 6;
    const auto got = run({face, untracked});
    EXPECT_EQ(got.at(0).label, i < 1 ? "???" : "Ann") << i;
    EXPECT_EQ(got.at(0).embedding.has_value(), !got.at(0).predicted);
    EXPECT_FALSE(got.at(1).predicted) << "without a track every frame counts";
    marks += got.at(0).predicted ? 'p' : 'E';
  }
  EXPECT_EQ(marks, "EEpppppEppppEppppEpp") << "decided, and a frame later where it was missed";
}

TEST(TrackSchedule, AsksForMoreWhereMoreIsToBeLearned) {
  embed::gst::TrackSchedule schedule;
  std::uint64_t frame = 0;
  const auto due = [&](std::int64_t side, bool may = true) {
    return schedule.due(1, {0, 0, side, side}, ++frame, 10, may);
  };
  EXPECT_FALSE(due(30, false));
  EXPECT_TRUE(due(30));
  EXPECT_TRUE(due(30));
  // Nothing has come back yet of the two.
  EXPECT_FALSE(due(30));
  schedule.done(1, true);
  EXPECT_TRUE(due(30)) << "still undecided";
  schedule.done(1, true);
  schedule.done(1, false);
  EXPECT_FALSE(due(30));
  EXPECT_FALSE(due(39));
  EXPECT_TRUE(due(40)) << "grown by a third";
  EXPECT_FALSE(due(41));
  frame += 10;
  EXPECT_FALSE(due(41, false));
  EXPECT_TRUE(due(41)) << "the interval is over";
  schedule.embeds(1, 0.5F);
  EXPECT_TRUE(schedule.may_improve(1));
  EXPECT_FALSE(schedule.improves(1, 0.65F));
  EXPECT_TRUE(schedule.improves(1, 0.75F)) << "a clearly better picture";
  EXPECT_FALSE(schedule.improves(1, 0.8F));
  schedule.embeds(1, 0.85F);
  EXPECT_FALSE(schedule.may_improve(1));
  for (int i = 2; i < 5000; ++i) EXPECT_TRUE(schedule.due(i, {0, 0, 30, 30}, ++frame, 10, true));
  EXPECT_TRUE(due(41)) << "forgotten for newer ones";
  schedule.done(99999, true);
  schedule.clear();
  EXPECT_TRUE(due(41));
}

}  // namespace
