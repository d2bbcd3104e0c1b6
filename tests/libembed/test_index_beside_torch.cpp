// SPDX-License-Identifier: LGPL-2.1-or-later
// FAISS and LibTorch both bring OpenMP and BLAS: one process must be able to use both, in any order.
#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "embed/embedder.h"
#include "embed/gallery.h"
#include "embed/preprocess.h"
#include "fixtures.h"

namespace {

TEST(IndexBesideTorch, PassesAndSearchesTakeTurns) {
  if (!embed::Gallery::can_index()) GTEST_SKIP() << "built without FAISS";
  embed::EmbedderOptions options;
  options.device = "cpu";
  options.precision = "fp32";
  const embed::Embedder embedder(fixtures::write_weights(fixtures::temp_dir() + "/beside.safetensors"),
                                 options);
  std::vector<std::uint8_t> crops;
  for (std::uint64_t i = 0; i < 5; ++i) {
    const auto one = fixtures::rgb_pattern(64, 64, i);
    crops.insert(crops.end(), one.begin(), one.end());
  }
  std::vector<embed::Embedding> before(5), after(5);
  embedder.embed_crops(crops.data(), before.size(), before.data());

  embed::Gallery gallery;
  for (std::uint64_t r = 0; r < 20'000; ++r) {
    gallery.add("p" + std::to_string(r), fixtures::random_embedding(r));
  }
  for (std::size_t i = 0; i < before.size(); ++i) gallery.add("face " + std::to_string(i), before[i]);
  gallery.build_index(embed::Metric::Cosine);
  ASSERT_TRUE(gallery.indexed(embed::Metric::Cosine));
  for (int turn = 0; turn < 3; ++turn) {
    embedder.embed_crops(crops.data(), after.size(), after.data());
    EXPECT_EQ(after, before);
    std::vector<embed::Match> found(after.size());
    gallery.match(after.data(), after.size(), {}, found.data());
    for (std::size_t i = 0; i < found.size(); ++i) {
      EXPECT_EQ(gallery.name(found[i].label_id), "face " + std::to_string(i));
    }
  }
}

}  // namespace
