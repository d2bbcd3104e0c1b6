// SPDX-License-Identifier: LGPL-2.1-or-later
// What enrolment from a clip makes of the faces that it found.
#include "face_reader/clip_faces.h"

#include <gtest/gtest.h>

#include "fixtures.h"

namespace {

using embed::Embedding;
using embed::Metric;
using face_reader::ClipFaces;
using face_reader::drop_poor;
using face_reader::second_person;

constexpr float kThreshold = 0.3F;

/// A face of one of some people: beside all others of that person, far from everybody else's.
Embedding face_of(std::uint64_t person, std::uint64_t number) {
  constexpr float kNoise = 0.2F;
  Embedding face = fixtures::random_embedding(person);
  const Embedding noise = fixtures::random_embedding(1000 + number);
  for (std::size_t i = 0; i < face.size(); ++i) face[i] += kNoise * noise[i];
  return face;
}

std::vector<Embedding> faces_of(const std::vector<std::uint64_t>& people) {
  std::vector<Embedding> faces;
  for (const std::uint64_t person : people) faces.push_back(face_of(person, faces.size()));
  return faces;
}

using Rows = std::vector<std::size_t>;

Rows others(const std::vector<std::uint64_t>& people) {
  return second_person(faces_of(people), Metric::Cosine, kThreshold);
}

TEST(SecondPerson, IsToldByDistance) {
  EXPECT_EQ(others({1, 1, 1, 1, 2, 2, 2, 1}), (Rows{4, 5, 6}));
  EXPECT_EQ(others({2, 2, 2, 1, 1, 1, 1, 2, 1}), (Rows{0, 1, 2, 7}))
      << "who comes first may be the other one";
}

TEST(SecondPerson, IsNobodyInAClipOfOne) {
  EXPECT_EQ(others({1, 1, 1, 1, 1, 1}), Rows());
  EXPECT_EQ(others({1}), Rows());
  EXPECT_EQ(others({}), Rows());
}

TEST(SecondPerson, IsNobodyWhereStraysAreFewOrUnlikeEachOther) {
  EXPECT_EQ(others({1, 1, 1, 1, 2, 2}), Rows());
  EXPECT_EQ(others({1, 1, 1, 1, 2, 3, 4, 5}), Rows());
}

embed::FaceQuality of_quality(float overall) {
  embed::FaceQuality quality;
  quality.overall = overall;
  return quality;
}

TEST(DropPoor, LeavesOutWhatIsFarWorseThanMost) {
  ClipFaces faces;
  faces.looked_at = 5;
  for (const float overall : {0.8F, 0.1F, 1.0F, 0.75F, 0.45F}) faces.quality.push_back(of_quality(overall));
  faces.seconds = {0, 1, 2, 3, 4};
  faces.crops = {0, 0, 1, 1, 2, 2, 3, 3, 4, 4};  // Two bytes each.
  drop_poor(faces, 0.05F);
  EXPECT_EQ(faces.seconds, (std::vector<double>{0, 2, 3, 4}));
  EXPECT_EQ(faces.crops, (std::vector<std::uint8_t>{0, 0, 2, 2, 3, 3, 4, 4}));
  EXPECT_EQ(faces.quality.size(), 4U);
  EXPECT_EQ(faces.looked_at, 5U);
  drop_poor(faces, 0.78F);
  EXPECT_EQ(faces.seconds, (std::vector<double>{0, 2}));
  ClipFaces none;
  drop_poor(none, 0.05F);
  EXPECT_TRUE(none.crops.empty());
}

}  // namespace
