// SPDX-License-Identifier: LGPL-2.1-or-later
// The tracker on made trajectories.
#include "embed/tracker.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <set>
#include <vector>

namespace {

using embed::Embedding;
using embed::Rect;
using embed::Track;
using embed::Tracker;
using embed::TrackerDetection;
using embed::TrackerOptions;
using embed::TrackState;

Rect box_at(float x, float y = 100, float side = 60) {
  return {x, y, side, side};
}

/// Ids of the tracks that the detections belong to, in the order of the detections; 0 for none.
std::vector<int> ids_of(const std::vector<Track>& tracks, std::size_t detections) {
  std::vector<int> ids(detections, 0);
  for (const Track& track : tracks)
    if (track.detection >= 0) ids[static_cast<std::size_t>(track.detection)] = track.id;
  return ids;
}

std::vector<int> look(Tracker& tracker, const std::vector<TrackerDetection>& detections) {
  return ids_of(tracker.update(detections.data(), detections.size()), detections.size());
}
std::vector<int> look_at(Tracker& tracker, const std::vector<Rect>& boxes) {
  std::vector<TrackerDetection> detections;
  for (const Rect& box : boxes) detections.push_back({box, 0.9F});
  return look(tracker, detections);
}

/// An embedding that is the same for the same person; those of two people lie at a right angle.
Embedding person(std::size_t number) {
  Embedding embedding{};
  embedding[number] = 2;
  return embedding;
}
/// Between two people: `share` of the second.
Embedding between(std::size_t one, std::size_t other, float share) {
  Embedding embedding{};
  embedding[one] = 1 - share;
  embedding[other] = share;
  return embedding;
}

TEST(Tracker, KeepsAnIdWhileAFaceMoves) {
  Tracker tracker;
  for (int frame = 0; frame < 50; ++frame) {
    const auto frames = static_cast<float>(frame);
    EXPECT_EQ(look_at(tracker, {box_at(10 + 12 * frames, 100 + 3 * frames, 60 + frames)}),
              (std::vector<int>{1}))
        << frame;
  }
}

TEST(Tracker, ConfirmsAFaceThatIsFoundTwice) {
  Tracker tracker;
  const TrackerDetection face{box_at(10), 0.9F};
  EXPECT_EQ(tracker.update(&face, 1).at(0).state, TrackState::Tentative);
  EXPECT_EQ(tracker.update(&face, 1).at(0).state, TrackState::Confirmed);
  EXPECT_EQ(tracker.update(nullptr, 0).at(0).state, TrackState::Lost);
  EXPECT_EQ(tracker.update(&face, 1).at(0).state, TrackState::Confirmed);
}

TEST(Tracker, TellsFacesApartThatCross) {
  Tracker tracker;
  for (int frame = 0; frame < 60; ++frame) {
    const float x = 10.0F * static_cast<float>(frame);
    // They pass each other at frame 30; the order of the detections changes with every frame.
    const Rect right = box_at(x, 100), left = box_at(600 - x, 110);
    const bool turned = frame % 2 == 1;
    const auto ids = look_at(tracker, turned ? std::vector{left, right} : std::vector{right, left});
    EXPECT_EQ(ids, (turned ? std::vector<int>{2, 1} : std::vector<int>{1, 2})) << frame;
  }
}

TEST(Tracker, BridgesAMissedDetectionAlongTheWay) {
  Tracker tracker;
  for (int frame = 0; frame < 40; ++frame) {
    const Rect box = box_at(15 * static_cast<float>(frame));
    if (frame % 10 != 9) {
      EXPECT_EQ(look_at(tracker, {box}), (std::vector<int>{1})) << frame;
      continue;
    }
    const auto& tracks = tracker.update(nullptr, 0);
    ASSERT_EQ(tracks.size(), 1U);
    EXPECT_EQ(tracks[0].detection, -1);
    EXPECT_EQ(tracks[0].missed, 1);
    EXPECT_NEAR(tracks[0].box.x, box.x, 6) << frame;
  }
}

TEST(Tracker, MovesBoxesOnWhereNobodyLooks) {
  Tracker tracker;
  for (int frame = 0; frame < 61; ++frame) {
    const Rect box = box_at(8 * static_cast<float>(frame));
    if (frame % 3 == 0) {
      EXPECT_EQ(look_at(tracker, {box}), (std::vector<int>{1})) << frame;
      continue;
    }
    const auto& tracks = tracker.predict();
    ASSERT_EQ(tracks.size(), 1U) << frame;
    EXPECT_EQ(tracks[0].id, 1);
    EXPECT_EQ(tracks[0].missed, 0);
    EXPECT_NE(tracks[0].state, TrackState::Lost);
    if (frame > 12) {
      EXPECT_NEAR(tracks[0].box.x, box.x, 4) << frame;
      EXPECT_NEAR(tracks[0].box.width, box.width, 2) << frame;
    }
  }
}

TEST(Tracker, FollowsASmallFaceThatMovesByItsOwnSizeBetweenTwoLooks) {
  Tracker tracker;
  for (int frame = 0; frame < 31; ++frame) {
    const auto frames = static_cast<float>(frame);
    if (frame % 3 == 0) {
      EXPECT_EQ(look_at(tracker, {box_at(6 * frames, 100, 20), box_at(6 * frames, 200, 20)}),
                (std::vector<int>{1, 2}))
          << frame;
    } else {
      tracker.predict();
    }
  }
}

TEST(Tracker, FramesWithoutALookEndNoTrackThatIsNotLost) {
  TrackerOptions options;
  options.max_lost = 5;
  Tracker tracker(options);
  look_at(tracker, {box_at(10)});
  for (int frame = 0; frame < 100; ++frame) ASSERT_EQ(tracker.predict().size(), 1U);
  EXPECT_EQ(look_at(tracker, {box_at(10)}), (std::vector<int>{1}));
  tracker.update(nullptr, 0);
  for (int frame = 0; frame < 4; ++frame) ASSERT_EQ(tracker.predict().size(), 1U) << frame;
  EXPECT_TRUE(tracker.predict().empty());
}

TEST(Tracker, EndsALostTrackAfterMaxLostFrames) {
  TrackerOptions options;
  options.max_lost = 3;
  for (const int gap : {3, 4}) {
    Tracker tracker(options);
    look_at(tracker, {box_at(10)});
    look_at(tracker, {box_at(10)});
    for (int frame = 0; frame < gap; ++frame) tracker.update(nullptr, 0);
    EXPECT_EQ(look_at(tracker, {box_at(10)}), (std::vector<int>{gap <= 3 ? 1 : 2})) << gap;
  }
}

/// Seen twice at one place, gone for ten frames, back at another.
std::vector<int> come_back(const Embedding* before, const Embedding* after,
                           const TrackerOptions& options = {}) {
  Tracker tracker(options);
  for (int frame = 0; frame < 2; ++frame) look(tracker, {{box_at(10), 0.9F, 0, before}});
  for (int frame = 0; frame < 10; ++frame) tracker.update(nullptr, 0);
  return look(tracker, {{box_at(400), 0.9F, 0, after}});
}

TEST(Tracker, TakesAPersonUpAgainByTheEmbedding) {
  const Embedding ann = person(0), ben = person(1), like_ann = between(0, 1, 0.3F);
  EXPECT_EQ(come_back(nullptr, nullptr), (std::vector<int>{2})) << "overlap cannot bridge that";
  EXPECT_EQ(come_back(&ann, &ann), (std::vector<int>{1}));
  EXPECT_EQ(come_back(&ann, &like_ann), (std::vector<int>{1}));
  EXPECT_EQ(come_back(&ann, &ben), (std::vector<int>{2}));
  EXPECT_EQ(come_back(&ann, nullptr), (std::vector<int>{2}));
  TrackerOptions never;
  never.max_cosine_distance = 0;
  EXPECT_EQ(come_back(&ann, &ann, never), (std::vector<int>{2}));
  const Embedding nothing{};
  EXPECT_EQ(come_back(&nothing, &nothing), (std::vector<int>{2})) << "an embedding of length 0 is nobody's";
}

TEST(Tracker, TakesUpNobodyWhoIsStillThere) {
  const Embedding ann = person(0);
  Tracker tracker;
  for (int frame = 0; frame < 3; ++frame) look(tracker, {{box_at(10), 0.9F, 0, &ann}});
  // A mirror shows her twice.
  EXPECT_EQ(look(tracker, {{box_at(10), 0.9F, 0, &ann}, {box_at(400), 0.9F, 0, &ann}}),
            (std::vector<int>{1, 2}));
}

TEST(Tracker, PeopleWhoComeBackTogetherGetTheirOwnIds) {
  const Embedding ann = person(0), ben = person(1);
  Tracker tracker;
  for (int frame = 0; frame < 2; ++frame)
    look(tracker, {{box_at(10), 0.9F, 0, &ann}, {box_at(300), 0.9F, 0, &ben}});
  for (int frame = 0; frame < 10; ++frame) tracker.update(nullptr, 0);
  const Embedding ann_again = between(0, 1, 0.4F), ben_again = between(1, 0, 0.3F);
  EXPECT_EQ(look(tracker, {{box_at(500), 0.9F, 0, &ben_again}, {box_at(150), 0.9F, 0, &ann_again}}),
            (std::vector<int>{2, 1}));
}

TEST(Tracker, AnotherPersonInTheSamePlaceIsAnotherTrack) {
  const Embedding ann = person(0), ben = person(1);
  Tracker tracker;
  for (int frame = 0; frame < 3; ++frame) look(tracker, {{box_at(10), 0.9F, 0, &ann}});
  EXPECT_EQ(look(tracker, {{box_at(10), 0.9F, 0, &ben}}), (std::vector<int>{2}));
  EXPECT_EQ(look(tracker, {{box_at(10), 0.9F, 0, &ben}}), (std::vector<int>{2}));
}

TEST(Tracker, AHeadThatTurnsStaysTheSameTrack) {
  Tracker tracker;
  for (int frame = 0; frame < 40; ++frame) {
    // Far from the mean in the end, and on each frame near to that of the frame before.
    const Embedding turned = between(0, 1, static_cast<float>(frame) / 39);
    EXPECT_EQ(look(tracker, {{box_at(10), 0.9F, 0, &turned}}), (std::vector<int>{1})) << frame;
  }
}

TEST(Tracker, AWeakDetectionCarriesATrackOnAndStartsNone) {
  Tracker tracker;
  look_at(tracker, {box_at(10)});
  look_at(tracker, {box_at(12)});
  EXPECT_EQ(look(tracker, {{box_at(14), 0.3F}, {box_at(300), 0.3F}}), (std::vector<int>{1, 0}));
  EXPECT_EQ(look(tracker, {{box_at(16), 0.05F}, {box_at(300), 0.3F}}), (std::vector<int>{0, 0}));
  // A track that is lost is not taken up by a weak one.
  EXPECT_EQ(look(tracker, {{box_at(18), 0.3F}}), (std::vector<int>{0}));
  EXPECT_EQ(look(tracker, {{box_at(20), 0.9F}}), (std::vector<int>{1}));
}

TEST(Tracker, AConfidentDetectionComesBeforeAWeakOne) {
  Tracker tracker;
  look_at(tracker, {box_at(10)});
  look_at(tracker, {box_at(10)});
  EXPECT_EQ(look(tracker, {{box_at(10), 0.5F}, {box_at(25), 0.9F}}), (std::vector<int>{0, 1}));
}

TEST(Tracker, AFaceThatWasSeenOnceLeavesNothingBehind) {
  Tracker tracker;
  look_at(tracker, {box_at(10), box_at(400)});
  look_at(tracker, {box_at(10)});
  const auto& tracks = tracker.update(nullptr, 0);
  ASSERT_EQ(tracks.size(), 1U);
  EXPECT_EQ(tracks[0].id, 1);
}

TEST(Tracker, ACutStartsNewTracksAndNoIdComesTwice) {
  Tracker tracker;
  std::set<int> before;
  for (int scene = 0; scene < 20; ++scene) {
    const float shift = 170 * static_cast<float>(scene % 3);
    std::set<int> ids;
    for (int frame = 0; frame < 4; ++frame)
      for (const int id : look_at(tracker, {box_at(shift), box_at(shift, 300)})) ids.insert(id);
    EXPECT_EQ(ids.size(), 2U) << scene;
    for (const int id : ids) EXPECT_TRUE(before.insert(id).second) << "scene " << scene << " id " << id;
    if (scene % 2 == 1) {
      tracker.clear();
      EXPECT_TRUE(tracker.predict().empty());
    }
  }
  Tracker cleared;
  EXPECT_EQ(look_at(cleared, {box_at(1)}), (std::vector<int>{1}));
  cleared.clear();
  EXPECT_EQ(look_at(cleared, {box_at(1)}), (std::vector<int>{2}));
}

TEST(Tracker, NeverMixesKinds) {
  Tracker tracker;
  look(tracker, {{box_at(10), 0.9F, 0}, {box_at(10), 0.9F, 1}});
  EXPECT_EQ(look(tracker, {{box_at(10), 0.9F, 1}, {box_at(10), 0.9F, 0}}), (std::vector<int>{2, 1}));
  EXPECT_EQ(look(tracker, {{box_at(10), 0.9F, 2}}), (std::vector<int>{3}));
}

/// A crowd in rows that sways; the detections come in a random order.
std::vector<std::vector<int>> follow_crowd(std::size_t people, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> noise(0, 1);
  Tracker tracker;
  std::vector<std::vector<int>> frames;
  for (int frame = 0; frame < 30; ++frame) {
    std::vector<std::size_t> order(people);
    for (std::size_t i = 0; i < people; ++i) order[i] = i;
    std::shuffle(order.begin(), order.end(), random);
    std::vector<Rect> boxes;
    for (const std::size_t who : order) {
      const auto phase = static_cast<float>(who);
      // Neighbours overlap: the boxes are 40 pixels wide and 30 apart.
      boxes.push_back(box_at(30 * static_cast<float>(who % 16) +
                                 8 * std::sin(static_cast<float>(frame) / 4 + phase) + noise(random),
                             50 * static_cast<float>(who / 16) + noise(random), 40));
    }
    const auto ids = look_at(tracker, boxes);
    std::vector<int> id_of(people);
    for (std::size_t i = 0; i < people; ++i) id_of[order[i]] = ids[i];
    frames.push_back(id_of);
  }
  return frames;
}

TEST(Tracker, Follows256FacesThatOverlap) {
  const auto frames = follow_crowd(256, 3);
  std::size_t switches = 0;
  for (std::size_t frame = 1; frame < frames.size(); ++frame) {
    EXPECT_EQ(std::set<int>(frames[frame].begin(), frames[frame].end()).size(), 256U) << frame;
    for (std::size_t who = 0; who < 256; ++who)
      switches += frames[frame][who] != frames[frame - 1][who] ? 1U : 0U;
  }
  EXPECT_EQ(switches, 0U);
}

TEST(Tracker, SaysTheSameTwice) {
  EXPECT_EQ(follow_crowd(40, 5), follow_crowd(40, 5));
}

TEST(Tracker, HoldsAThousandTracksAndMakesRoomForNewOnes) {
  Tracker tracker;
  std::vector<Rect> boxes;
  for (int i = 0; i < 1100; ++i)
    boxes.push_back(box_at(70 * static_cast<float>(i % 40), 70 * static_cast<float>(i / 40)));
  auto ids = look_at(tracker, boxes);
  EXPECT_EQ(std::count(ids.begin(), ids.end(), 0), 1100 - 1024);
  ids = look_at(tracker, boxes);
  EXPECT_EQ(std::count(ids.begin(), ids.end(), 0), 1100 - 1024);
  // All of them are lost now; one who comes takes the place of the first.
  tracker.update(nullptr, 0);
  ids = look_at(tracker, {box_at(-500)});
  EXPECT_GT(ids[0], 1024);
  EXPECT_EQ(tracker.predict().size(), 1024U);
}

TEST(Tracker, LeavesBoxesOutThatAreNone) {
  const float nan = std::numeric_limits<float>::quiet_NaN(), never = std::numeric_limits<float>::infinity();
  Tracker tracker;
  look_at(tracker, {box_at(10)});
  for (const Rect& box : {Rect{nan, 0, 10, 10},
                          {0, never, 10, 10},
                          {0, 0, 0, 10},
                          {0, 0, 10, -5},
                          {0, 0, nan, 5},
                          {20, 20, 42, 6e35F}})
    EXPECT_EQ(look_at(tracker, {box, box_at(10)}), (std::vector<int>{0, 1}));
  EXPECT_EQ(look(tracker, {{box_at(10), nan}}), (std::vector<int>{0}));
}

}  // namespace
