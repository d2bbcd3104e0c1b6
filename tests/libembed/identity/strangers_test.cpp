// SPDX-License-Identifier: LGPL-2.1-or-later
// Strangers who come back: grouping, naming, and two cameras at once.
#include "embed/strangers.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <random>
#include <set>
#include <thread>
#include <vector>

#include "error_matchers.h"
#include "fixtures.h"
#include "stranger_people.h"

namespace {

using embed::ErrorCode;
using embed::Gallery;
using embed::Metric;
using embed::Strangers;
using embed::StrangersOptions;
using stranger_people::face_of;
using stranger_people::sighting;
using stranger_people::weights;
using testing_errors::expect_error;

TEST(Strangers, WhoComesBackIsTheSameOnAnyCamera) {
  Strangers strangers(weights());
  const auto door = strangers.open_stream("door"), yard = strangers.open_stream("yard");
  EXPECT_EQ(strangers.see(sighting(door, 1, face_of(1, 1))), 1U);
  EXPECT_EQ(strangers.see(sighting(door, 2, face_of(2, 1))), 2U);
  EXPECT_EQ(strangers.see(sighting(yard, 1, face_of(2, 2), 10, 5000)), 2U);
  EXPECT_EQ(strangers.see(sighting(yard, 2, face_of(1, 2), 10, 5000)), 1U);
  const auto groups = strangers.groups();
  ASSERT_EQ(groups.size(), 2U);
  ASSERT_EQ(groups[0].tracks.size(), 2U);
  EXPECT_EQ(groups[0].tracks[0].camera, "door");
  EXPECT_EQ(groups[0].tracks[1].camera, "yard");
  EXPECT_EQ(groups[0].tracks[1].first, 5000);
}

TEST(Strangers, ABlurredMomentMakesNone) {
  Strangers strangers(weights());
  const auto stream = strangers.open_stream("");
  auto seen = sighting(stream, 1, face_of(1, 1));
  seen.looks = 4;
  EXPECT_EQ(strangers.see(seen), 0U) << "too few embeddings";
  seen.looks = 40;
  seen.weight = 19;
  EXPECT_EQ(strangers.see(seen), 0U) << "of poor quality";
  EXPECT_EQ(strangers.stats().groups, 0U);
  seen.weight = 20;
  EXPECT_EQ(strangers.see(seen), 1U);
  seen.weight = 40;
  seen.looks = 100;
  EXPECT_EQ(strangers.see(seen), 1U) << "what is grouped stays so";
}

TEST(Strangers, WhatIsNoEvidenceChangesNothing) {
  Strangers strangers(weights());
  const auto stream = strangers.open_stream("");
  auto bad = sighting(stream, 1, face_of(1, 1));
  bad.mean[3] = NAN;
  EXPECT_EQ(strangers.see(bad), 0U);
  bad.mean = {};
  EXPECT_EQ(strangers.see(bad), 0U) << "without a direction";
  EXPECT_EQ(strangers.see(sighting(stream, 0, face_of(1, 1))), 0U) << "no track";
  EXPECT_EQ(strangers.see(sighting(stream, 1, face_of(1, 1), INFINITY)), 0U);
  EXPECT_EQ(strangers.see(sighting(99, 1, face_of(1, 1))), 0U) << "no such stream";
  strangers.withdraw(stream, 77);
  EXPECT_EQ(strangers.stats().groups, 0U);
}

TEST(Strangers, ATrackKeepsItsGroupWhileItsMeanMoves) {
  Strangers strangers(weights());
  const auto stream = strangers.open_stream("");
  for (int track = 10; track < 12; ++track)
    strangers.see(sighting(stream, track, face_of(1, 1), 20, 100 * track));
  EXPECT_EQ(strangers.see(sighting(stream, 2, face_of(1, 2), 5, 5000)), 1U);
  // Beyond the distance at which it would be joined now, and within that of a single comparison.
  const auto wavering = stranger_people::between(1, 2, 0.35F);
  EXPECT_EQ(strangers.see(sighting(stream, 2, wavering, 7, 5100)), 1U);
  EXPECT_EQ(strangers.see(sighting(stream, 3, wavering, 10, 9000)), 2U) << "where a new one goes";
}

TEST(Strangers, ATrackLeavesItsGroupWhenTheEvidenceIsClear) {
  Strangers strangers(weights());
  const auto stream = strangers.open_stream("");
  strangers.see(sighting(stream, 1, face_of(1, 1)));
  strangers.see(sighting(stream, 2, face_of(2, 1), 10, 2000));
  EXPECT_EQ(strangers.see(sighting(stream, 3, face_of(1, 2), 5, 5000)), 1U);
  EXPECT_EQ(strangers.see(sighting(stream, 3, face_of(3, 1), 6, 5100)), 1U) << "its weight has hardly grown";
  EXPECT_EQ(strangers.see(sighting(stream, 3, face_of(2, 2), 20, 5200)), 2U) << "it is another one's";
  EXPECT_EQ(strangers.see(sighting(stream, 3, face_of(3, 1), 40, 5300)), 3U) << "it is nobody's";
  EXPECT_EQ(strangers.stats().moved, 2U);
}

TEST(Strangers, ATrackWhoseEvidenceBeginsAnewIsAnotherOne) {
  Strangers strangers(weights());
  const auto stream = strangers.open_stream("");
  EXPECT_EQ(strangers.see(sighting(stream, 1, face_of(1, 1), 40)), 1U);
  EXPECT_EQ(strangers.see(sighting(stream, 1, face_of(2, 1), 10, 2000)), 2U)
      << "the tracker took another face";
  EXPECT_EQ(strangers.group("unknown-1").tracks.size(), 1U) << "who was there before stays";
  EXPECT_EQ(strangers.see(sighting(stream, 1, face_of(1, 2), 5, 3000)), 1U) << "and comes back";
}

TEST(Strangers, ExpireWithoutAFileToo) {
  constexpr std::int64_t kDay = 24 * 60 * 60 * 1000;
  Strangers strangers(weights());
  const auto stream = strangers.open_stream("");
  strangers.see(sighting(stream, 1, face_of(1, 1)));
  EXPECT_EQ(strangers.see(sighting(stream, 1, face_of(1, 1), 20, 13 * kDay)), 1U);
  EXPECT_EQ(strangers.see(sighting(stream, 2, face_of(2, 1), 20, 28 * kDay)), 2U);
  EXPECT_EQ(strangers.stats().groups, 1U);
  EXPECT_EQ(strangers.stats().expired, 1U);
  EXPECT_EQ(strangers.number(stream, 1), 0U);
}

TEST(Strangers, GroupsThatTurnOutToBeOneAreJoinedUnderTheOlderNumber) {
  Strangers strangers(weights());
  const auto stream = strangers.open_stream("");
  EXPECT_EQ(strangers.see(sighting(stream, 1, face_of(1, 1), 20)), 1U);
  EXPECT_EQ(strangers.see(sighting(stream, 2, stranger_people::between(1, 2, 0.5F), 5, 5000)), 2U);
  EXPECT_EQ(strangers.see(sighting(stream, 2, face_of(1, 3), 20, 5100)), 1U);
  EXPECT_EQ(strangers.stats().joined, 1U);
  EXPECT_EQ(strangers.number(stream, 2), 1U);
  EXPECT_EQ(strangers.number(stream, 7), 0U);
  EXPECT_EQ(strangers.group("unknown-2").number, 1U) << "whoever was told of it finds the older one";
  EXPECT_EQ(strangers.group("unknown-1").tracks.size(), 2U);
  EXPECT_EQ(strangers.see(sighting(stream, 3, face_of(2, 1), 20, 9000)), 3U) << "numbers are not given twice";
}

TEST(Strangers, TwoTracksAtOneTimeAreTwoPeople) {
  Strangers strangers(weights());
  const auto stream = strangers.open_stream("a"), other = strangers.open_stream("b");
  EXPECT_EQ(strangers.see(sighting(stream, 1, face_of(1, 1))), 1U);
  EXPECT_EQ(strangers.see(sighting(stream, 2, face_of(1, 2))), 2U) << "twins in one picture";
  EXPECT_EQ(strangers.see(sighting(other, 1, stranger_people::between(1, 2, 0.01F))), 1U)
      << "one person before two cameras";
  EXPECT_EQ(strangers.see(sighting(stream, 1, face_of(1, 1), 40, 9000)), 1U);
  EXPECT_EQ(strangers.see(sighting(stream, 2, face_of(1, 2), 40, 9000)), 2U);
}

/// The partition of tracks (person, look) that come in that order; the names of groups do not matter.
std::set<std::set<int>> partition_of(const std::vector<int>& order, int people) {
  Strangers strangers(weights());
  const auto stream = strangers.open_stream("");
  std::int64_t time = 1000;
  for (const int track : order) {
    time += 1000;
    for (const float weight : {5.0F, 10.0F, 30.0F})
      strangers.see(sighting(stream, track + 1, face_of(track % people, track), weight, ++time));
  }
  std::map<std::uint64_t, std::set<int>> groups;
  for (const int track : order)
    groups[strangers.see(sighting(stream, track + 1, face_of(track % people, track), 30, ++time))].insert(
        track);
  std::set<std::set<int>> partition;
  for (const auto& [number, tracks] : groups) partition.insert(tracks);
  return partition;
}

TEST(Strangers, PeopleWhoAreFarApartAreTheSameGroupsInAnyOrder) {
  constexpr int kPeople = 12, kTracks = 60;
  std::vector<int> order(kTracks);
  std::iota(order.begin(), order.end(), 0);
  std::set<std::set<int>> expected;
  for (int person = 0; person < kPeople; ++person) {
    std::set<int> tracks;
    for (int track = person; track < kTracks; track += kPeople) tracks.insert(track);
    expected.insert(tracks);
  }
  std::mt19937 random(1);
  for (int trial = 0; trial < 10; ++trial) {
    EXPECT_EQ(partition_of(order, kPeople), expected) << trial;
    std::shuffle(order.begin(), order.end(), random);
  }
}

TEST(Strangers, AThousandTracksTwiceAreAThousandGroups) {
  Strangers strangers(weights());
  const auto stream = strangers.open_stream("");
  for (int track = 1; track <= 1000; ++track)
    ASSERT_EQ(strangers.see(sighting(stream, track, face_of(track, 1), 10, 1000 + track)), track);
  for (int track = 1; track <= 1000; ++track)
    ASSERT_EQ(strangers.see(sighting(stream, 1000 + track, face_of(track, 2), 10, 5000 + track)), track);
  EXPECT_EQ(strangers.stats().groups, 1000U);
  EXPECT_EQ(strangers.stats().tracks, 2000U);
}

TEST(Strangers, BeyondTheMostTheOneSeenLongestAgoIsForgottenAndCounted) {
  StrangersOptions options;
  options.most_groups = 3;
  Strangers strangers(weights(), options);
  const auto stream = strangers.open_stream("");
  for (int person = 1; person <= 3; ++person)
    strangers.see(sighting(stream, person, face_of(person, 1), 10, 1000 * person));
  strangers.see(sighting(stream, 1, face_of(1, 1), 10, 9000));
  EXPECT_EQ(strangers.take_trouble(), "");
  EXPECT_EQ(strangers.see(sighting(stream, 4, face_of(4, 1), 10, 9500)), 4U);
  EXPECT_NE(strangers.take_trouble().find("more than 3 strangers"), std::string::npos);
  EXPECT_EQ(strangers.take_trouble(), "") << "once";
  EXPECT_EQ(strangers.stats().dropped, 1U);
  expect_error(ErrorCode::NotFound, {"unknown-2"}, [&] { strangers.group("unknown-2"); });
  EXPECT_EQ(strangers.group("unknown-1").number, 1U);
}

TEST(Strangers, AGroupKeepsTheTracksWithTheMostWeight) {
  Strangers strangers(weights());
  const auto stream = strangers.open_stream("");
  for (int track = 1; track <= 40; ++track)
    ASSERT_EQ(
        strangers.see(sighting(stream, track, face_of(1, track), static_cast<float>(5 + track), 100 * track)),
        1U);
  const auto tracks = strangers.group("unknown-1").tracks;
  ASSERT_EQ(tracks.size(), 16U);
  EXPECT_EQ(tracks.front().weight, 30);
  EXPECT_EQ(strangers.see(sighting(stream, 2, face_of(1, 2), 1000, 9000)), 1U) << "one that was left out";
}

TEST(Strangers, ATrackThatGetsANameLeaves) {
  Strangers strangers(weights());
  const auto stream = strangers.open_stream("");
  strangers.see(sighting(stream, 1, face_of(1, 1)));
  strangers.see(sighting(stream, 2, face_of(1, 2), 10, 5000));
  strangers.withdraw(stream, 2);
  EXPECT_EQ(strangers.group("unknown-1").tracks.size(), 1U);
  strangers.withdraw(stream, 1);
  EXPECT_TRUE(strangers.groups().empty());
}

TEST(Strangers, TheIdsOfAStreamThatEndedAreOthersInTheNext) {
  Strangers strangers(weights());
  const auto first = strangers.open_stream("door");
  strangers.see(sighting(first, 1, face_of(1, 1)));
  strangers.close_stream(first);
  const auto second = strangers.open_stream("door");
  EXPECT_NE(first, second);
  EXPECT_EQ(strangers.see(sighting(second, 1, face_of(2, 1), 10, 5000)), 2U);
  EXPECT_EQ(strangers.see(sighting(second, 2, face_of(1, 2), 10, 9000)), 1U);
}

TEST(Strangers, OneCallMakesAPersonOfThemWithTheirHistory) {
  Strangers strangers(weights());
  const auto stream = strangers.open_stream("door");
  for (int track = 1; track <= 3; ++track)
    strangers.see(sighting(stream, track, face_of(1, track), 8, 1000 * track));
  strangers.see(sighting(stream, 9, face_of(2, 1), 10, 9000));
  Gallery gallery(Metric::Cosine, weights().sha256);
  expect_error(ErrorCode::InvalidArgument, {}, [&] { strangers.name("unknown-1", "???", gallery); });
  Gallery others(Metric::Cosine, "others");
  expect_error(ErrorCode::Mismatch, {"other weights"}, [&] { strangers.name("unknown-1", "Ada", others); });
  EXPECT_EQ(gallery.rows() + others.rows(), 0U);
  EXPECT_EQ(strangers.name("unknown-1", " Ada ", gallery), 3U);
  EXPECT_EQ(gallery.names(), std::vector<std::string>{"Ada"});
  ASSERT_EQ(gallery.rows(), 3U);
  EXPECT_FLOAT_EQ(gallery.enrolment(2).quality.value_or(-1), 0.8F);
  EXPECT_EQ(gallery.enrolment(2).time, 3);
  EXPECT_EQ(gallery.enrolment(2).source, "unknown-1, door");
  embed::Embedding row;
  std::copy_n(gallery.row(0), row.size(), row.begin());
  EXPECT_LT(embed::distance(Metric::Cosine, row, face_of(1, 1)), 1e-5F);
  EXPECT_NEAR(std::inner_product(row.begin(), row.end(), row.begin(), 0.0), 1, 1e-5);
  embed::MatchOptions rule;
  rule.threshold = 0.2F;
  EXPECT_EQ(gallery.match(face_of(1, 7), rule).label_id, 0);
  expect_error(ErrorCode::NotFound, {"unknown-1"}, [&] { strangers.name("unknown-1", "Ada", gallery); });
  EXPECT_EQ(strangers.groups().size(), 1U);
  strangers.forget("unknown-2");
  EXPECT_TRUE(strangers.groups().empty());
}

TEST(Strangers, LabelsAreReadStrictly) {
  EXPECT_EQ(embed::stranger_label(3), "unknown-3");
  EXPECT_EQ(embed::stranger_label(0), "");
  EXPECT_EQ(embed::stranger_number("unknown-3"), 3U);
  for (const char* label : {"", "unknown", "unknown-", "unknown-0", "unknown-03", "unknown--1", "unknown-1x",
                            "Ada", "Unknown-1", "unknown-99999999999999999"}) {
    expect_error(ErrorCode::InvalidArgument, {"'unknown-' and a number expected"},
                 [&] { embed::stranger_number(label); });
  }
}

TEST(Strangers, NeedWeightsThatWereCalibrated) {
  auto model = weights();
  model.far_table = {};
  expect_error(ErrorCode::Unsupported, {"far_table", "--calibrate"}, [&] { Strangers strangers(model); });
  model = weights();
  model.metric = Metric::L1;
  expect_error(ErrorCode::Unsupported, {"l1"}, [&] { Strangers strangers(model); });
  model = weights();
  model.head = embed::Head::Sigmoid;
  expect_error(ErrorCode::Unsupported, {"sigmoid"}, [&] { Strangers strangers(model); });
  StrangersOptions options;
  options.retention_days = 0;
  expect_error(ErrorCode::InvalidArgument, {"retention"}, [&] { Strangers strangers(weights(), options); });
}

TEST(Strangers, TwoCamerasAtOnceSeeTheSamePeople) {
  Strangers strangers(weights());
  constexpr int kPeople = 40;
  std::vector<std::vector<std::uint64_t>> told(2);
  std::vector<std::thread> cameras;
  for (std::size_t camera = 0; camera < 2; ++camera) {
    cameras.emplace_back([&strangers, &numbers = told[camera], camera] {
      const auto stream = strangers.open_stream("camera");
      for (int look = 1; look <= 5; ++look) {
        numbers.clear();
        for (int person = 0; person < kPeople; ++person) {
          const int track = 1 + person;
          const auto face = face_of(person, static_cast<int>(camera));
          numbers.push_back(
              strangers.see(sighting(stream, track, face, 5.0F * static_cast<float>(look), 1000 * look)));
        }
      }
      strangers.groups();
      strangers.close_stream(stream);
    });
  }
  for (std::thread& camera : cameras) camera.join();
  EXPECT_EQ(told[0], told[1]);
  EXPECT_EQ(std::set<std::uint64_t>(told[0].begin(), told[0].end()).size(), kPeople);
  EXPECT_EQ(strangers.stats().groups, kPeople);
}

}  // namespace
