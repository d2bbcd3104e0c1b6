// SPDX-License-Identifier: LGPL-2.1-or-later
#include "embed/track_identities.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "fixtures.h"

namespace {

using embed::Embedding;
using embed::EmbeddingMean;
using embed::Gallery;
using embed::IdentityState;
using embed::MatchOptions;
using embed::Metric;
using embed::TrackDecision;
using embed::TrackEvidence;
using embed::TrackFace;
using embed::TrackIdentities;
using embed::Unknown;
using std::chrono::milliseconds;

/// A view of a face: `share` of it is the person, the rest is of the view alone. Length 1.
Embedding view_of(const Embedding& person, double share, std::uint64_t seed) {
  const Embedding other = fixtures::random_embedding(seed, true);
  Embedding view;
  double square = 0;
  for (std::size_t i = 0; i < view.size(); ++i) {
    view[i] = static_cast<float>(share * person[i] + (1 - share) * other[i]);
    square += static_cast<double>(view[i]) * view[i];
  }
  for (float& value : view) value = static_cast<float>(value / std::sqrt(square));
  return view;
}

class TrackIdentity : public ::testing::Test {
 protected:
  TrackIdentity() { rule_.threshold = 0.2F; }

  void enroll(const std::string& name, const Embedding& row) {
    Gallery gallery = *gallery_;
    gallery.add(name, row);
    gallery_ = std::make_shared<Gallery>(gallery);
  }
  /// A frame with one view of each.
  std::vector<TrackDecision> take(const std::vector<std::pair<int, const Embedding*>>& faces,
                                  double share = 0.8) {
    std::vector<Embedding> views(faces.size());
    std::vector<TrackFace> shown;
    for (std::size_t i = 0; i < faces.size(); ++i) {
      if (faces[i].second != nullptr) views[i] = view_of(*faces[i].second, share, ++seed_);
      shown.push_back({faces[i].first, true, faces[i].second != nullptr ? &views[i] : nullptr, 1});
    }
    now_ += milliseconds(40);
    return identities_.take(shown.data(), shown.size(), gallery_, rule_, now_);
  }
  TrackDecision take(int track, const Embedding& person, double share = 0.8) {
    return take({{track, &person}}, share).at(0);
  }
  TrackDecision many(int frames, int track, const Embedding& person, double share = 0.8) {
    TrackDecision last;
    for (int i = 0; i < frames; ++i) last = take(track, person, share);
    return last;
  }
  std::string name(const TrackDecision& decision) const { return gallery_->name(decision.match.label_id); }

  const Embedding ann_ = fixtures::random_embedding(1, true), bob_ = fixtures::random_embedding(2, true),
                  stranger_ = fixtures::random_embedding(3, true);
  std::shared_ptr<const Gallery> gallery_ = std::make_shared<Gallery>();
  MatchOptions rule_;
  TrackIdentities identities_;
  milliseconds now_{1000};
  std::uint64_t seed_ = 1000;
};

TEST_F(TrackIdentity, TwoEmbeddingsDecide) {
  enroll("Ann", ann_);
  const TrackDecision early = take(1, ann_);
  EXPECT_EQ(early.state, IdentityState::Undecided);
  EXPECT_EQ(early.match.label_id, -1);
  EXPECT_EQ(early.match.nearest_id, 0) << "what there is so far is told";
  EXPECT_TRUE(early.open);
  EXPECT_EQ(take(2, stranger_).state, IdentityState::Undecided);
  const TrackDecision known = take(1, ann_), unknown = take(2, stranger_);
  EXPECT_EQ(known.state, IdentityState::Named);
  EXPECT_EQ(name(known), "Ann");
  EXPECT_FALSE(known.open);
  EXPECT_EQ(unknown.state, IdentityState::Unknown);
  EXPECT_EQ(unknown.match.unknown, Unknown::Far);
  EXPECT_FALSE(unknown.open);
}

TEST_F(TrackIdentity, PoorFacesTakeLonger) {
  enroll("Ann", ann_);
  int frames = 0;
  for (TrackDecision decision; decision.state == IdentityState::Undecided && frames < 100; ++frames) {
    const Embedding view = view_of(ann_, 0.8, ++seed_);
    const TrackFace face{1, true, &view, frames == 0 ? std::numeric_limits<float>::quiet_NaN() : 0.1F};
    decision = identities_.take(&face, 1, gallery_, rule_, now_).at(0);
  }
  EXPECT_GE(frames, 5);
  EXPECT_LE(frames, 7);
}

TEST_F(TrackIdentity, ANameStaysWhereTheFaceTurnsAway) {
  enroll("Ann", ann_);
  const TrackDecision given = many(5, 1, ann_);
  ASSERT_EQ(given.state, IdentityState::Named);
  for (int i = 0; i < 40; ++i) {
    const TrackDecision turned = take(1, ann_, 0.55);
    EXPECT_EQ(name(turned), "Ann") << i;
    EXPECT_LE(turned.match.distance, *rule_.threshold) << "what spoke for the name is told";
  }
  EXPECT_EQ(identities_.evidence(1)->count(), 45U);
}

TEST_F(TrackIdentity, ANameGoesToWhoHasBeenThereForAWhile) {
  const Embedding like_ann = view_of(ann_, 0.55, 77);
  rule_.threshold = 0.15F;
  enroll("Ann", ann_);
  enroll("Amy", like_ann);
  ASSERT_EQ(name(many(20, 1, ann_, 0.9)), "Ann");
  int frames = 0;
  for (TrackDecision now; name(now) != "Amy" && frames < 200; ++frames) {
    now = take(1, like_ann, 0.9);
    EXPECT_EQ(now.state, IdentityState::Named) << "one name or the other";
  }
  EXPECT_GT(frames, 10);
  EXPECT_LT(frames, 60);
  EXPECT_LT(embed::distance(Metric::Cosine, identities_.evidence(1)->mean(), like_ann), 0.1F)
      << "what was Ann's is gone";
}

TEST_F(TrackIdentity, ANameGoesFromAStrangerWhoIsLikeThePerson) {
  const Embedding like_ann = view_of(ann_, 0.52, 77);
  rule_.threshold = 0.1F;
  enroll("Ann", ann_);
  ASSERT_EQ(name(many(20, 1, ann_, 0.9)), "Ann");
  EXPECT_TRUE(many(30, 1, like_ann, 0.9).open) << "more embeddings are wanted";
  EXPECT_EQ(take(1, like_ann, 0.9).state, IdentityState::Named);
  EXPECT_EQ(many(60, 1, like_ann, 0.9).state, IdentityState::Unknown);
  EXPECT_EQ(name(many(20, 1, ann_, 0.9)), "Ann") << "and comes back";
}

TEST_F(TrackIdentity, AfterACutItIsSomebodyElse) {
  enroll("Ann", ann_);
  enroll("Bob", bob_);
  ASSERT_EQ(name(many(20, 1, ann_)), "Ann");
  for (int i = 0; i < 2; ++i) {
    const TrackDecision doubted = take(1, bob_);
    EXPECT_EQ(doubted.state, IdentityState::Undecided);
    EXPECT_EQ(doubted.match.label_id, -1);
    EXPECT_EQ(doubted.match.nearest_id, 1);
  }
  EXPECT_EQ(name(take(1, ann_)), "Ann") << "two frames may be a mistake";
  EXPECT_EQ(name(many(3, 1, bob_)), "Bob");
  EXPECT_EQ(identities_.evidence(1)->count(), 3U);
  EXPECT_LT(embed::distance(Metric::Cosine, identities_.evidence(1)->mean(), bob_), 0.1F);
  EXPECT_EQ(many(3, 1, stranger_).state, IdentityState::Unknown);
  EXPECT_EQ(name(many(3, 1, ann_)), "Ann");
}

TEST_F(TrackIdentity, PoorPicturesAreNoCut) {
  enroll("Ann", ann_);
  ASSERT_EQ(name(many(20, 1, ann_)), "Ann");
  for (int i = 0; i < 9; ++i) {
    const Embedding blurred = view_of(stranger_, 0.8, ++seed_);
    const TrackFace face{1, true, &blurred, 0.05F};
    EXPECT_EQ(name(identities_.take(&face, 1, gallery_, rule_, now_).at(0)), "Ann") << i;
  }
  EXPECT_EQ(many(3, 1, stranger_).state, IdentityState::Unknown);
}

TEST_F(TrackIdentity, AnotherSideOfThePersonIsNobodyElse) {
  const Embedding profile = view_of(ann_, 0.44, 78);
  enroll("Ann", ann_);
  ASSERT_EQ(name(many(20, 1, ann_, 0.9)), "Ann");
  ASSERT_GT(embed::distance(Metric::Cosine, ann_, profile), 0.35F);
  for (int i = 0; i < 40; ++i) EXPECT_EQ(name(take(1, profile, 1)), "Ann") << i;
  EXPECT_EQ(identities_.evidence(1)->count(), 60U);
}

TEST_F(TrackIdentity, TwoFacesOfAFrameAreNotOnePerson) {
  enroll("Ann", ann_);
  std::vector<TrackDecision> both;
  for (int i = 0; i < 6; ++i) both = take({{1, &ann_}, {2, nullptr}});
  ASSERT_EQ(name(both[0]), "Ann");
  for (int i = 0; i < 6; ++i) both = take({{1, nullptr}, {2, &ann_}});
  EXPECT_EQ(name(both[0]), "Ann") << "who has the name keeps it";
  EXPECT_EQ(both[1].state, IdentityState::Unknown);
  EXPECT_TRUE(both[1].taken);
  EXPECT_EQ(name(take(2, ann_)), "Ann") << "alone it is the person";
  both = take({{1, &ann_}, {2, &ann_}});
  EXPECT_NE(both[0].taken, both[1].taken);
}

TEST_F(TrackIdentity, AMuchNearerFaceTakesTheName) {
  enroll("Ann", ann_);
  const Embedding like_ann = view_of(ann_, 0.66, 77);
  ASSERT_EQ(name(many(4, 1, like_ann, 1)), "Ann");
  std::vector<TrackDecision> both;
  for (int i = 0; i < 4; ++i) both = take({{1, &like_ann}, {2, &ann_}}, 1);
  EXPECT_TRUE(both[0].taken);
  EXPECT_EQ(name(both[1]), "Ann");
}

TEST_F(TrackIdentity, AnotherGalleryDecidesAnew) {
  ASSERT_EQ(many(4, 1, ann_).state, IdentityState::Unknown);
  enroll("Bob", bob_);
  enroll("Ann", ann_);
  EXPECT_EQ(name(take({{1, nullptr}}).at(0)), "Ann") << "enrolled while she is there";
  many(20, 1, ann_, 0.55);
  Gallery changed = *gallery_;
  changed.remove("Bob");
  gallery_ = std::make_shared<Gallery>(changed);
  const TrackDecision moved = take({{1, nullptr}}).at(0);
  EXPECT_EQ(name(moved), "Ann") << "though the latest embeddings are far";
  EXPECT_EQ(moved.match.label_id, 0);
  gallery_ = std::make_shared<Gallery>();
  const TrackDecision nobody = take({{1, nullptr}}).at(0);
  EXPECT_EQ(nobody.state, IdentityState::Unknown);
  EXPECT_EQ(nobody.match.unknown, Unknown::NoGallery);
}

TEST_F(TrackIdentity, AnotherThresholdDecidesAnew) {
  enroll("Ann", ann_);
  ASSERT_EQ(name(many(4, 1, ann_)), "Ann");
  rule_.threshold = 1e-6F;
  EXPECT_EQ(take({{1, nullptr}}).at(0).state, IdentityState::Unknown);
}

TEST_F(TrackIdentity, ATrackThatWasAwayIsForgotten) {
  enroll("Ann", ann_);
  enroll("Bob", bob_);
  ASSERT_EQ(name(many(4, 1, ann_)), "Ann");
  now_ += std::chrono::seconds(5);
  EXPECT_EQ(name(take(1, ann_)), "Ann");
  now_ += std::chrono::hours(1);
  EXPECT_EQ(take({{1, nullptr}}).at(0).state, IdentityState::Undecided) << "its id may be another's now";
  EXPECT_EQ(identities_.evidence(1), nullptr);
  ASSERT_EQ(name(many(4, 1, ann_)), "Ann");
  now_ += std::chrono::hours(1);
  EXPECT_EQ(take(1, bob_).state, IdentityState::Undecided);
  EXPECT_EQ(name(many(3, 1, bob_)), "Bob");
  now_ -= std::chrono::hours(1);
  EXPECT_EQ(take(1, ann_).state, IdentityState::Undecided) << "times may jump back";
  identities_.clear();
  EXPECT_EQ(identities_.size(), 0U);
  EXPECT_EQ(identities_.evidence(1), nullptr);
}

TEST_F(TrackIdentity, AnIdThatRepeatsOnAFrameIsTheFirstFacesAlone) {
  enroll("Ann", ann_);
  std::vector<TrackDecision> both;
  for (int i = 0; i < 4; ++i) both = take({{1, &ann_}, {1, &bob_}, {0, &ann_}, {-7, &ann_}});
  EXPECT_EQ(name(both[0]), "Ann");
  for (int i = 1; i < 4; ++i) EXPECT_EQ(both[i].state, IdentityState::Undecided);
  EXPECT_EQ(identities_.evidence(1)->count(), 4U);
}

TEST_F(TrackIdentity, HoldsAThousandTracks) {
  enroll("Ann", ann_);
  std::vector<std::pair<int, const Embedding*>> crowd;
  for (int i = 1; i <= 1000; ++i) crowd.emplace_back(i, i == 500 ? &ann_ : &stranger_);
  std::vector<TrackDecision> decisions;
  for (int i = 0; i < 3; ++i) decisions = take(crowd);
  EXPECT_EQ(name(decisions[499]), "Ann");
  for (int i = 1001; i <= 5000; ++i) {
    take({{500, nullptr}, {i, &stranger_}});
    EXPECT_LE(identities_.size(), 1024U);
  }
  EXPECT_EQ(name(take({{500, nullptr}}).at(0)), "Ann") << "who is there is not the one to go";
  EXPECT_EQ(identities_.evidence(1), nullptr);
  for (auto& face : crowd) face.first += 10000;
  for (int i = 0; i < 100; ++i) crowd.emplace_back(20000 + i, &ann_);
  EXPECT_EQ(take(crowd).size(), 1100U) << "more than there is room for on one frame";
  EXPECT_LE(identities_.size(), 1024U);
}

TEST_F(TrackIdentity, ARejectedNameGoesFromTheTrackThatHasIt) {
  enroll("Ann", ann_);
  rule_.threshold = 2.0F;
  ASSERT_EQ(name(many(4, 1, stranger_)), "Ann");
  Gallery rejecting = *gallery_;
  rejecting.add("Ann", stranger_, {}, embed::Role::CounterExample);
  gallery_ = std::make_shared<Gallery>(rejecting);
  const TrackDecision decision = take(1, stranger_);
  EXPECT_EQ(decision.state, IdentityState::Unknown);
  EXPECT_EQ(decision.match.unknown, Unknown::Rejected);
  EXPECT_EQ(name(many(4, 2, ann_)), "Ann");
}

TEST_F(TrackIdentity, ATrackThatTurnsOutToBeTheCounterExampleLosesItsName) {
  enroll("Ann", ann_);
  rule_.threshold = 2.0F;
  Gallery rejecting = *gallery_;
  rejecting.add("Ann", stranger_, {}, embed::Role::CounterExample);
  gallery_ = std::make_shared<Gallery>(rejecting);
  ASSERT_EQ(name(many(4, 1, ann_)), "Ann");
  const TrackDecision decision = many(100, 1, stranger_);
  EXPECT_EQ(decision.state, IdentityState::Unknown);
  EXPECT_EQ(decision.match.unknown, Unknown::Rejected);
}

TEST_F(TrackIdentity, WhatIsNotANumberIsNoEvidence) {
  enroll("Ann", ann_);
  ASSERT_EQ(name(many(4, 1, ann_)), "Ann");
  Embedding broken = ann_;
  broken[7] = std::numeric_limits<float>::quiet_NaN();
  const TrackFace face{1, true, &broken, 1};
  EXPECT_EQ(name(identities_.take(&face, 1, gallery_, rule_, now_).at(0)), "Ann");
  EXPECT_EQ(identities_.evidence(1)->count(), 4U);
}

TEST(TrackEvidence, IsTheWeightedMeanAndTheBest) {
  const Embedding a = fixtures::random_embedding(1, true), b = fixtures::random_embedding(2, true);
  TrackEvidence evidence;
  evidence.add(a, 0.25F);
  evidence.add(b, 0.75F);
  evidence.add(a, 0.5F);
  EXPECT_EQ(evidence.count(), 3U);
  EXPECT_FLOAT_EQ(evidence.weight(), 1.5F);
  EXPECT_EQ(evidence.best(), b);
  EXPECT_FLOAT_EQ(evidence.best_quality(), 0.75F);
  double square = 0;
  for (const float value : evidence.mean()) square += static_cast<double>(value) * value;
  EXPECT_NEAR(square, 1, 1e-5);
  EXPECT_NEAR(embed::distance(Metric::Cosine, evidence.mean(), a),
              embed::distance(Metric::Cosine, evidence.mean(), b), 1e-5)
      << "both weigh three quarters";
}

TEST(EmbeddingMean, IsJudgedAsOneEmbedding) {
  const Embedding row = fixtures::random_embedding(9, true);
  EmbeddingMean mean;
  std::vector<Embedding> views;
  for (std::uint64_t i = 0; i < 5; ++i) {
    views.push_back(view_of(row, 0.6, 100 + i));
    mean.add(views.back(), 1);
    double square = 0;
    for (const auto& view : views) square += std::pow(embed::distance(Metric::L2, view, row), 2.0);
    square /= static_cast<double>(views.size());
    for (const Metric metric : {Metric::L2, Metric::SquaredL2}) {
      const float judged = mean.as_of_one(metric, embed::distance(metric, mean.values(), row));
      EXPECT_NEAR(judged, metric == Metric::L2 ? std::sqrt(square) : square, 1e-4);
    }
    // Between the mean's own distance and the mean of the distances, and that of the one where there is one.
    const float own = embed::distance(Metric::Cosine, mean.values(), row);
    const float judged = mean.as_of_one(Metric::Cosine, own);
    EXPECT_GE(judged, own - 1e-5F);
    EXPECT_LE(judged, square / 2 + 1e-5);
    if (i == 0) {
      EXPECT_NEAR(judged, own, 1e-5);
    }
  }
}

}  // namespace
