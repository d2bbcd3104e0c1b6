// SPDX-License-Identifier: LGPL-2.1-or-later
#include "embed/shared_gallery.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "error_matchers.h"
#include "fixtures.h"

namespace {

using embed::ErrorCode;
using embed::Gallery;
using embed::Metric;
using embed::share_gallery;
using testing_errors::expect_error;

std::string gallery_file(const std::string& name, const std::vector<std::string>& people,
                         const std::string& weights = "abc") {
  Gallery gallery(Metric::Cosine, weights);
  for (std::size_t i = 0; i < people.size(); ++i) gallery.add(people[i], fixtures::random_embedding(i));
  std::string path = fixtures::temp_dir() + "/" + name;
  gallery.save(path);
  return path;
}

TEST(SharedGallery, IsOneForTheSameFile) {
  const std::string path = gallery_file("shared-gallery", {"Ada", "Bo"});
  {
    const auto first = share_gallery(path, "abc");
    EXPECT_EQ(first->names(), (std::vector<std::string>{"Ada", "Bo"}));
    EXPECT_EQ(share_gallery(path, "abc"), first);
    std::filesystem::create_symlink(path, fixtures::temp_dir() + "/gallery-link");
    EXPECT_EQ(share_gallery(fixtures::temp_dir() + "/gallery-link", "abc"), first);
    EXPECT_NE(share_gallery(gallery_file("another-gallery", {"Ada", "Bo"}), "abc"), first);
    EXPECT_EQ(embed::shared_galleries(), 1U) << "those that nobody kept are gone";
  }
  EXPECT_EQ(embed::shared_galleries(), 0U);
}

TEST(SharedGallery, AReplacedFileIsAnotherGallery) {
  const std::string path = gallery_file("replaced-gallery", {"Ada"});
  const auto before = share_gallery(path, "abc");
  gallery_file("replaced-gallery", {"Bea"});
  const auto after = share_gallery(path, "abc");
  EXPECT_EQ(before->names(), std::vector<std::string>{"Ada"});
  EXPECT_EQ(after->names(), std::vector<std::string>{"Bea"});
  EXPECT_EQ(share_gallery(path, "abc"), after);
}

TEST(SharedGallery, SaysWhatIsWrongEachTime) {
  const std::string path = gallery_file("wrong-gallery", {"Ada"});
  const auto right = share_gallery(path, "abc");
  for (int i = 0; i < 2; ++i) {
    expect_error(ErrorCode::Mismatch, {path, "made with other weights"}, [&] { share_gallery(path, "abd"); });
    expect_error(ErrorCode::NotFound, {"/nonexistent/g"}, [] { share_gallery("/nonexistent/g", "abc"); });
  }
  EXPECT_EQ(share_gallery(path, "abc"), right);
}

TEST(SharedGallery, ThreadsThatAskAtOnceLoadItOnce) {
  const std::string path = gallery_file("at-once-gallery", {"Ada"});
  std::vector<std::shared_ptr<const Gallery>> got(4);
  std::vector<std::thread> threads;
  for (auto& one : got) threads.emplace_back([&] { one = share_gallery(path, "abc"); });
  for (std::thread& thread : threads) thread.join();
  for (const auto& one : got) EXPECT_EQ(one, got[0]);
}

}  // namespace
