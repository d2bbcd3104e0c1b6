// SPDX-License-Identifier: LGPL-2.1-or-later
#include "embed/presence.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <vector>

namespace {

using embed::Presence;
using embed::PresenceChange;
using embed::PresenceEvent;
using embed::PresenceFace;
using embed::PresenceOptions;
using embed::PresenceTime;

constexpr std::uint64_t kFrame = 40'000'000;  // 25 frames a second.
constexpr std::uint64_t kSecond = 1'000'000'000;

PresenceFace somebody(int track) {
  PresenceFace face;
  face.track = track;
  face.label = "???";
  face.reason = "far";
  face.distance = 0.8F;
  return face;
}

PresenceFace called(int track, std::string_view name, int label_id = 0) {
  PresenceFace face;
  face.track = track;
  face.named = true;
  face.label = name;
  face.label_id = label_id;
  face.distance = 0.2F;
  face.threshold = 0.4F;
  return face;
}

PresenceFace skipped(int track) {
  PresenceFace face = somebody(track);
  face.decided = false;
  face.reason = "skipped";
  face.distance.reset();
  return face;
}

PresenceFace carried_on(PresenceFace face) {
  face.predicted = true;
  return face;
}

/// An event as text: "appeared 4 ???", "named 4 Ada", "renamed 4 Ada>Ben".
std::string as_text(const PresenceEvent& event) {
  std::string text = std::string(to_string(event.change)) + " " + std::to_string(event.track) + " ";
  if (event.change == PresenceChange::Renamed) text += event.previous_label + ">";
  return text + event.label;
}

using Texts = std::vector<std::string>;

Texts both(Texts first, const Texts& then) {
  first.insert(first.end(), then.begin(), then.end());
  return first;
}

class PresenceTest : public ::testing::Test {
 protected:
  /// So many frames with these faces; what was told meanwhile.
  Texts frames(int count, const std::vector<PresenceFace>& faces) {
    Texts told;
    for (int i = 0; i < count; ++i) {
      now_ += kFrame;
      for (const auto& event : presence_.update(faces.data(), faces.size(), time())) {
        told.push_back(as_text(event));
        last_ = event;
      }
    }
    return told;
  }
  Texts seconds(double count, const std::vector<PresenceFace>& faces) {
    return frames(static_cast<int>(count * kSecond / kFrame), faces);
  }
  PresenceTime time() const { return {now_, static_cast<std::int64_t>(now_ + kSecond)}; }

  Presence presence_;
  std::uint64_t now_ = kSecond;
  PresenceEvent last_;
};

TEST_F(PresenceTest, TellsOnceOfWhoComesIsNamedAndGoes) {
  EXPECT_EQ(frames(5, {somebody(4)}), Texts{}) << "0.16 s from the first to the fifth frame";
  EXPECT_EQ(frames(1, {somebody(4)}), Texts{"appeared 4 ???"});
  EXPECT_EQ(last_.reason, "far");
  EXPECT_EQ(last_.label_id, -1);
  EXPECT_FALSE(last_.named);
  EXPECT_FLOAT_EQ(last_.distance.value(), 0.8F);
  EXPECT_EQ(last_.first_seen.running, kSecond + kFrame);
  EXPECT_EQ(last_.at.running, kSecond + 6 * kFrame);
  EXPECT_EQ(last_.at.utc, static_cast<std::int64_t>(2 * kSecond + 6 * kFrame));
  EXPECT_EQ(frames(2, {called(4, "Ada", 7)}), Texts{});
  EXPECT_EQ(frames(1, {called(4, "Ada", 7)}), Texts{"named 4 Ada"});
  EXPECT_TRUE(last_.named);
  EXPECT_EQ(last_.label_id, 7);
  EXPECT_EQ(last_.reason, "");
  EXPECT_EQ(seconds(10, {called(4, "Ada", 7)}), Texts{});
  const std::uint64_t left = now_;
  EXPECT_EQ(frames(49, {}), Texts{});
  EXPECT_EQ(frames(1, {}), Texts{"lost 4 Ada"}) << "two seconds after the last frame with her";
  EXPECT_EQ(last_.last_seen.running, left);
  EXPECT_EQ(last_.at.running, left + 2 * kSecond);
  EXPECT_EQ(presence_.size(), 0U);
}

TEST_F(PresenceTest, WhoComesWithANameAppearsAndIsNamedOnTheSameFrame) {
  EXPECT_EQ(frames(20, {called(1, "Ada")}), (Texts{"appeared 1 Ada", "named 1 Ada"}));
  EXPECT_EQ(last_.at.running, kSecond + 6 * kFrame);
}

TEST_F(PresenceTest, SaysNothingOfABoxThatIsGoneAtOnce) {
  EXPECT_EQ(frames(2, {called(1, "Ada")}), Texts{});
  EXPECT_EQ(seconds(5, {}), Texts{});
  EXPECT_EQ(presence_.size(), 0U);
}

TEST_F(PresenceTest, TwoFramesASecondAreEnough) {
  Texts told;
  for (int i = 0; i < 4; ++i) {
    const PresenceFace ada = called(1, "Ada");
    for (const auto& event : presence_.update(&ada, 1, {static_cast<std::uint64_t>(i) * kSecond / 2, 0}))
      told.push_back(as_text(event));
  }
  EXPECT_EQ(told, (Texts{"appeared 1 Ada", "named 1 Ada"}));
}

TEST_F(PresenceTest, ANameThatComesAndGoesIsNoEvent) {
  frames(20, {called(1, "Ada")});
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(frames(2, {called(1, "Ben", 1)}), Texts{});
    EXPECT_EQ(frames(1, {somebody(1)}), Texts{}) << "so that it was not three times in a row";
    EXPECT_EQ(frames(2, {called(1, "Ben", 1)}), Texts{});
    EXPECT_EQ(frames(1, {called(1, "Ada")}), Texts{});
  }
  EXPECT_EQ(frames(3, {called(1, "Ben", 1)}), Texts{"renamed 1 Ada>Ben"});
  EXPECT_EQ(last_.label_id, 1);
}

TEST_F(PresenceTest, AStrangerWithAWrongNameNowAndThenIsNotNamed) {
  EXPECT_EQ(frames(6, {somebody(1)}), Texts{"appeared 1 ???"});
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(frames(2, {called(1, "Ada")}), Texts{});
    EXPECT_EQ(frames(1, {somebody(1)}), Texts{});
  }
}

TEST_F(PresenceTest, ANameIsTakenBackAfterTwoSecondsWithoutOne) {
  frames(20, {called(1, "Ada")});
  PresenceFace rejected = somebody(1);
  rejected.reason = "rejected";
  EXPECT_EQ(frames(50, {rejected}), Texts{});
  EXPECT_EQ(frames(100, {rejected}), Texts{"renamed 1 Ada>???"});
  EXPECT_EQ(last_.reason, "rejected");
  EXPECT_EQ(last_.label_id, -1);
  EXPECT_EQ(frames(3, {called(1, "Ben", 1)}), Texts{"renamed 1 >Ben"});
}

TEST_F(PresenceTest, FramesOnWhichNothingIsSaidChangeNothing) {
  EXPECT_EQ(frames(6, {skipped(1)}), Texts{"appeared 1 ???"});
  EXPECT_EQ(last_.distance, std::nullopt);
  EXPECT_EQ(last_.reason, "skipped") << "why there is no name yet";
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(frames(5, {skipped(1)}), Texts{});
    EXPECT_EQ(frames(1, {called(1, "Ada")}), Texts{});
  }
  EXPECT_EQ(frames(5, {skipped(1)}), Texts{});
  EXPECT_EQ(frames(1, {called(1, "Ada")}), Texts{"named 1 Ada"});
  EXPECT_EQ(seconds(60, {skipped(1)}), Texts{}) << "there, and nothing else is known";
  EXPECT_EQ(frames(6, {skipped(1), somebody(2)}), Texts{"appeared 2 ???"});
  frames(20, {skipped(1), skipped(2)});
  EXPECT_EQ(frames(60, {skipped(1)}), Texts{"lost 2 ???"});
  EXPECT_EQ(last_.reason, "far") << "what was said last";
}

TEST_F(PresenceTest, APersonWhoseTrackChangesIsTheSame) {
  frames(20, {called(1, "Ada")});
  EXPECT_EQ(frames(20, {}), Texts{});
  EXPECT_EQ(frames(20, {somebody(2)}), Texts{}) << "it may be she";
  EXPECT_EQ(frames(200, {called(2, "Ada")}), Texts{});
  EXPECT_EQ(presence_.size(), 1U);
  EXPECT_EQ(frames(50, {}), Texts{"lost 1 Ada"}) << "as she appeared";
  EXPECT_EQ(last_.first_seen.running, kSecond + kFrame);
}

TEST_F(PresenceTest, WhoIsNotTheMissingOneIsToldOfOnceThatOneIsLost) {
  frames(20, {called(1, "Ada")});
  EXPECT_EQ(frames(10, {}), Texts{});
  EXPECT_EQ(frames(60, {somebody(2)}), (Texts{"lost 1 Ada", "appeared 2 ???"}));
  frames(20, {called(3, "Ada"), somebody(2)});
  frames(10, {somebody(2)});
  EXPECT_EQ(frames(10, {somebody(2), called(4, "Ben")}), (Texts{"appeared 4 Ben", "named 4 Ben"}))
      << "a name says at once that it is another one";
}

TEST_F(PresenceTest, SomebodyIsAlwaysMissingInACrowdAndNobodyWaitsForEver) {
  Texts told;
  for (int i = 0; i < 100; ++i) {
    // One more with a name comes and goes in each second.
    const std::string name = "P" + std::to_string(i);
    told = both(both(told, frames(15, {somebody(1), called(10 + i, name)})), frames(10, {somebody(1)}));
  }
  EXPECT_EQ(std::count(told.begin(), told.end(), "appeared 1 ???"), 1);
}

TEST_F(PresenceTest, TwoAtTheSameTimeAreTwo) {
  frames(20, {called(1, "Ada"), somebody(2)});
  EXPECT_EQ(frames(20, {called(2, "Ada")}), Texts{"named 2 Ada"})
      << "the first one was there beside this one";
  EXPECT_EQ(frames(40, {called(2, "Ada")}), Texts{"lost 1 Ada"});
  frames(1, {called(2, "Ada"), called(3, "Ada")});
  EXPECT_EQ(frames(10, {called(3, "Ada")}), (Texts{"appeared 3 Ada", "named 3 Ada"}))
      << "one frame is enough for that";
}

TEST_F(PresenceTest, ATrackThatIsOnlyCarriedOnIsMissing) {
  frames(20, {called(1, "Ada")});
  // The tracker carries the old box on while a new track begins.
  EXPECT_EQ(frames(3, {carried_on(called(1, "Ada")), called(2, "Ada")}), Texts{});
  EXPECT_EQ(seconds(5, {called(2, "Ada")}), Texts{});
  EXPECT_EQ(presence_.size(), 1U);
}

TEST_F(PresenceTest, ATrackThatComesBackIsThePersonWhoAppearedWithIt) {
  frames(20, {called(1, "Ada")});
  frames(5, {});
  frames(20, {called(2, "Ada")});
  EXPECT_EQ(frames(50, {called(1, "Ada"), called(2, "Ada")}), Texts{})
      << "no second one is told under track 1";
  frames(5, {});
  EXPECT_EQ(frames(100, {called(1, "Ada")}), Texts{});
  EXPECT_EQ(frames(50, {}), Texts{"lost 1 Ada"});
}

TEST_F(PresenceTest, FramesOnWhichNobodyLookedDoNotCountAsMissing) {
  frames(20, {called(1, "Ada")});
  EXPECT_EQ(seconds(10, {carried_on(called(1, "Ada"))}), Texts{});
}

TEST_F(PresenceTest, WithoutATrackANameIsWhatMakesAPerson) {
  EXPECT_EQ(frames(100, {somebody(0), somebody(0)}), Texts{}) << "nothing tells one from the other";
  EXPECT_EQ(presence_.size(), 0U);
  EXPECT_EQ(frames(6, {somebody(0), called(0, "Ada")}), (Texts{"appeared 0 Ada", "named 0 Ada"}));
  EXPECT_EQ(frames(49, {somebody(0)}), Texts{});
  EXPECT_EQ(frames(10, {called(0, "Ada"), called(0, "Ada")}), Texts{});
  EXPECT_EQ(frames(50, {called(0, "Ben")}), (Texts{"appeared 0 Ben", "named 0 Ben", "lost 0 Ada"}));
}

TEST_F(PresenceTest, AGroupOfStrangersIsSomebody) {
  PresenceFace stranger = somebody(1);
  stranger.stranger = "unknown-3";
  EXPECT_EQ(frames(20, {stranger}), Texts{"appeared 1 ???"});
  EXPECT_EQ(last_.stranger, "unknown-3");
  frames(10, {});
  stranger.track = 2;
  EXPECT_EQ(frames(100, {stranger}), Texts{}) << "the same group on a new track";
  EXPECT_EQ(frames(60, {}), Texts{"lost 1 ???"});
  EXPECT_EQ(last_.stranger, "unknown-3");
  stranger.track = 0;
  EXPECT_EQ(frames(10, {stranger}), Texts{"appeared 0 ???"});
}

TEST_F(PresenceTest, OfTwoWithOneTrackTheFirstCounts) {
  EXPECT_EQ(frames(20, {called(1, "Ada"), called(1, "Ben")}), (Texts{"appeared 1 Ada", "named 1 Ada"}));
  EXPECT_EQ(presence_.size(), 1U);
}

TEST_F(PresenceTest, AnHourWithoutFacesSaysNothing) {
  EXPECT_EQ(seconds(3600, {}), Texts{});
}

TEST_F(PresenceTest, AJumpBackIsANewStreamAndAJitterIsNone) {
  frames(20, {called(1, "Ada")});
  now_ -= 10 * kFrame;
  EXPECT_EQ(frames(20, {called(1, "Ada")}), Texts{});
  now_ = 0;
  EXPECT_EQ(frames(6, {called(1, "Ada")}), (Texts{"lost 1 Ada", "appeared 1 Ada", "named 1 Ada"}));
}

TEST_F(PresenceTest, AtTheEndAllAreLost) {
  frames(20, {called(1, "Ada"), somebody(2)});
  frames(3, {called(1, "Ada"), somebody(2), somebody(3)});
  const auto& ended = presence_.end();
  ASSERT_EQ(ended.size(), 2U) << "the third has not appeared";
  EXPECT_EQ(as_text(ended[0]), "lost 1 Ada");
  EXPECT_EQ(as_text(ended[1]), "lost 2 ???");
  EXPECT_EQ(ended[0].at.running, now_);
  EXPECT_TRUE(presence_.end().empty());
  now_ = 0;
  EXPECT_EQ(frames(6, {called(1, "Ada")}), (Texts{"appeared 1 Ada", "named 1 Ada"}));
}

TEST_F(PresenceTest, MoreThanItRemembersAreLostEarlyOrNotHeeded) {
  std::vector<PresenceFace> crowd;
  for (int i = 1; i <= 1500; ++i) crowd.push_back(somebody(i));
  EXPECT_EQ(frames(6, crowd).size(), 1024U);
  EXPECT_EQ(presence_.size(), 1024U);
  EXPECT_EQ(presence_.unheeded(), 6U * (1500 - 1024)) << "each on each frame";
  crowd.erase(crowd.begin(), crowd.begin() + 476);
  const Texts told = frames(1, crowd);
  EXPECT_EQ(told.size(), 476U) << "those who are missing make room";
  EXPECT_EQ(told.front(), "lost 1 ???");
  EXPECT_EQ(presence_.size(), 1024U);
}

TEST(PresenceRandom, OfEachWhoAppearsOneIsLostAndAtMostOneNamed) {
  for (unsigned seed = 0; seed < 20; ++seed) {
    std::mt19937 random(seed);
    const auto upto = [&random](unsigned n) { return static_cast<int>(random() % n); };
    PresenceOptions options;
    options.most = 12;
    Presence presence(options), twin(options);
    const char* names[] = {"Ada", "Ben", "Cleo"};
    std::map<int, std::vector<PresenceChange>> story;
    Texts said, said_again;
    const auto heed = [&](const std::vector<PresenceEvent>& events) {
      for (const auto& event : events) {
        said.push_back(as_text(event));
        EXPECT_LE(event.first_seen.running, event.last_seen.running);
        if (event.track == 0) continue;
        auto& lines = story[event.track];
        if (event.change == PresenceChange::Appeared) {
          EXPECT_TRUE(lines.empty() || lines.back() == PresenceChange::Lost) << "track " << event.track;
          lines.clear();
        } else {
          EXPECT_TRUE(!lines.empty() && lines.back() != PresenceChange::Lost) << "track " << event.track;
          if (event.change == PresenceChange::Named) {
            EXPECT_EQ(std::count(lines.begin(), lines.end(), PresenceChange::Named), 0);
          }
        }
        lines.push_back(event.change);
      }
    };
    std::uint64_t now = 0;
    std::vector<PresenceFace> faces;
    for (int i = 0; i < 3000; ++i) {
      now = upto(500) == 0 ? 0 : now + static_cast<std::uint64_t>(upto(80)) * 1'000'000;
      if (upto(20) == 0) {
        faces.clear();
        for (int n = upto(16); n > 0; --n) {
          const int track = upto(20);
          switch (upto(4)) {
            case 0:
              faces.push_back(somebody(track));
              break;
            case 1:
              faces.push_back(skipped(track));
              break;
            default:
              faces.push_back(called(track, names[upto(3)]));
          }
          faces.back().predicted = upto(5) == 0;
        }
      }
      heed(presence.update(faces.data(), faces.size(), {now, 0}));
      for (const auto& event : twin.update(faces.data(), faces.size(), {now, 0}))
        said_again.push_back(as_text(event));
      EXPECT_LE(presence.size(), options.most);
    }
    heed(presence.end());
    for (const auto& event : twin.end()) said_again.push_back(as_text(event));
    EXPECT_EQ(said, said_again) << "the same calls give the same events";
    EXPECT_GT(said.size(), 50U);
    for (const auto& [track, lines] : story) EXPECT_EQ(lines.back(), PresenceChange::Lost) << track;
  }
}

}  // namespace
