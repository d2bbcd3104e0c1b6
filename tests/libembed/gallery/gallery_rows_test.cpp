// SPDX-License-Identifier: LGPL-2.1-or-later
// Rows that go or get another owner, and people who come from another gallery.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "embed/gallery.h"
#include "error_matchers.h"
#include "fixtures.h"

namespace {

using embed::ErrorCode;
using embed::Gallery;
using embed::Role;
using testing_errors::expect_error;

/// Ada has rows 0, 2 and a counter-example, Ben row 1, Cem row 3.
Gallery three_people() {
  Gallery gallery(embed::Metric::Cosine, "w");
  gallery.add("Ada", fixtures::random_embedding(1), {0.5F, 1'700'000'000, "ada/1.jpg"});
  gallery.add("Ben", fixtures::random_embedding(2));
  gallery.add("Ada", fixtures::random_embedding(3));
  gallery.add("Cem", fixtures::random_embedding(4));
  gallery.add("Ada", fixtures::random_embedding(5), {}, Role::CounterExample);
  gallery.set_note("Ada", "met in March");
  return gallery;
}

bool is_row(const Gallery& gallery, std::size_t r, std::uint64_t seed, Role role = Role::Own) {
  const embed::Embedding wanted = fixtures::random_embedding(seed);
  return std::equal(wanted.begin(), wanted.end(), gallery.row(r, role));
}

TEST(GalleryRowChanges, RowsGoAndTheOthersStayAsTheyAre) {
  Gallery gallery = three_people();
  gallery.remove_rows({2});
  ASSERT_EQ(gallery.rows(), 3U);
  EXPECT_TRUE(is_row(gallery, 0, 1) && is_row(gallery, 1, 2) && is_row(gallery, 2, 4));
  EXPECT_EQ(gallery.name(gallery.identity(2)), "Cem");
  EXPECT_EQ(gallery.enrolment(0).source, "ada/1.jpg");
  EXPECT_EQ(gallery.rows_of(gallery.find("Ada"), Role::CounterExample), 1U);
}

TEST(GalleryRowChanges, WhoHasNoneLeftGoes) {
  Gallery gallery = three_people();
  gallery.remove_rows({0, 2, 3});
  EXPECT_EQ(gallery.names(), std::vector<std::string>{"Ben"});
  EXPECT_EQ(gallery.rows(Role::CounterExample), 0U);
  gallery.remove_rows({0});
  EXPECT_TRUE(gallery.names().empty());
  EXPECT_EQ(gallery.match(fixtures::random_embedding(1), {}).unknown, embed::Unknown::NoGallery);
  gallery.add("Dan", fixtures::random_embedding(6));
  EXPECT_EQ(gallery.match(fixtures::random_embedding(6), {}).label_id, 0);
}

TEST(GalleryRowChanges, RowsBecomeAnotherPersons) {
  Gallery gallery = three_people();
  gallery.move_rows({1, 2}, "Cem");
  EXPECT_EQ(gallery.names(), (std::vector<std::string>{"Ada", "Cem"}));
  EXPECT_EQ(gallery.rows_of(1), 3U);
  EXPECT_EQ(gallery.name(gallery.match(fixtures::random_embedding(3), {}).label_id), "Cem");
}

TEST(GalleryRowChanges, WhatIsNotThereChangesNothing) {
  Gallery gallery = three_people();
  expect_error(ErrorCode::InvalidArgument, {"row 4"}, [&] { gallery.remove_rows({0, 4}); });
  expect_error(ErrorCode::NotFound, {"Dan"}, [&] { gallery.move_rows({0}, "Dan"); });
  EXPECT_EQ(gallery.rows(), 4U);
}

TEST(GalleryRowChanges, ManyRowsInSeveralBlocks) {
  Gallery gallery;
  std::vector<std::size_t> odd;
  for (std::size_t r = 0; r < 3000; ++r) {
    gallery.add(r % 3 == 0 ? "a" : "b", fixtures::random_embedding(r));
    if (r % 2 == 1) odd.push_back(r);
  }
  gallery.remove_rows(odd);
  ASSERT_EQ(gallery.rows(), 1500U);
  for (std::size_t r = 0; r < gallery.rows(); ++r) ASSERT_TRUE(is_row(gallery, r, 2 * r)) << r;
}

TEST(GalleryRowChanges, APersonComesFromAnotherGallery) {
  const Gallery from = three_people();
  Gallery to(embed::Metric::Cosine, "w");
  to.add("Dan", fixtures::random_embedding(6));
  to.adopt(from, "Ada", "Ada L.");
  const std::int64_t ada = to.find("Ada L.");
  EXPECT_EQ(to.person_id(ada), from.person_id(0));
  EXPECT_EQ(to.note(ada), "met in March");
  EXPECT_TRUE(is_row(to, 1, 1) && is_row(to, 2, 3) && is_row(to, 0, 5, Role::CounterExample));
  EXPECT_EQ(to.enrolment(1).source, "ada/1.jpg");
  to.adopt(from, "Ada", "Ada L.");
  EXPECT_EQ(to.rows(), 3U) << "rows that are there are not taken twice";
  EXPECT_EQ(to.rows(Role::CounterExample), 1U);
  expect_error(ErrorCode::InvalidArgument, {"there already, as 'Ada L.'"},
               [&] { to.adopt(from, "Ada", "Ada"); });
  const std::string dan = to.person_id(0);
  to.adopt(from, "Ben", "Dan");
  EXPECT_EQ(to.person_id(0), dan);
  EXPECT_EQ(to.rows_of(0), 2U);
}

TEST(GalleryRowChanges, GalleriesThatDoNotBelongTogether) {
  const Gallery from = three_people();
  Gallery weights(embed::Metric::Cosine, "v"), metric(embed::Metric::L2, "w"),
      same(embed::Metric::Cosine, "w");
  expect_error(ErrorCode::Mismatch, {"weights"}, [&] { weights.adopt(from, "Ada", "Ada"); });
  expect_error(ErrorCode::Mismatch, {"metric"}, [&] { metric.adopt(from, "Ada", "Ada"); });
  expect_error(ErrorCode::NotFound, {"Dan"}, [&] { same.adopt(from, "Dan", "Dan"); });
  EXPECT_TRUE(weights.names().empty() && metric.names().empty() && same.names().empty());
}

}  // namespace
