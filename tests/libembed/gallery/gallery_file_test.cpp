// SPDX-License-Identifier: LGPL-2.1-or-later
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "embed/gallery.h"
#include "embed/safetensors.h"
#include "error_matchers.h"
#include "fixtures.h"

namespace {

using embed::DType;
using embed::ErrorCode;
using embed::Gallery;
using embed::Metric;
using testing_errors::expect_error;

/// What a gallery file holds, to be spoilt in one place.
struct Parts {
  std::vector<float> embeddings = std::vector<float>(3 * 128, 0.5F);
  std::vector<std::int64_t> identity = {0, 1, 0};
  std::vector<std::int64_t> embeddings_shape = {3, 128};
  DType embeddings_type = DType::F32;
  DType identity_type = DType::I64;
  std::map<std::string, std::string> metadata = {{"kind", "tripletembed.gallery"}, {"version", "1"},
                                                 {"names", R"(["Ada","Błażej"])"}, {"metric", "cosine"},
                                                 {"weights_sha256", "abc"},        {"threshold", "0.25"}};

  std::string write() const {
    const std::string path = fixtures::temp_dir() + "/parts.safetensors";
    const auto bytes = [](const auto& values) {
      return reinterpret_cast<const std::uint8_t*>(values.data());
    };
    std::map<std::string, embed::TensorView> tensors;
    if (!embeddings.empty()) {
      tensors["embeddings"] = {embeddings_type, embeddings_shape, bytes(embeddings), embeddings.size() * 4};
    }
    if (!identity.empty()) {
      const auto count = static_cast<std::int64_t>(identity.size());
      tensors["identity"] = {identity_type, {count}, bytes(identity), identity.size() * 8};
    }
    embed::write_safetensors(path, tensors, metadata);
    return path;
  }
};

void refuse(const Parts& parts, const std::string& fragment) {
  const std::string path = parts.write();
  expect_error(ErrorCode::Format, {path, fragment}, [&] { Gallery::load(path); });
}

TEST(GalleryFile, TheUnspoiltPartsAreAGallery) {
  const Gallery gallery = Gallery::load(Parts().write());
  EXPECT_EQ(gallery.names(), (std::vector<std::string>{"Ada", "Błażej"}));
  EXPECT_EQ(gallery.rows(), 3U);
  EXPECT_EQ(gallery.identity(1), 1);
  EXPECT_EQ(gallery.metric(), Metric::Cosine);
  EXPECT_EQ(gallery.threshold(), 0.25F);
}

TEST(GalleryFile, ComesBackAsItWas) {
  const std::string path = fixtures::temp_dir() + "/round.safetensors";
  for (const Metric metric : {Metric::L1, Metric::L2, Metric::SquaredL2, Metric::Cosine}) {
    Gallery gallery(metric, std::string(64, 'a'));
    const char* names[] = {"李小龍", "Ada \"the first\" \\ 1", "🙂", "Ada"};
    for (std::uint64_t r = 0; r < 40; ++r) gallery.add(names[r % 4], fixtures::random_embedding(r, false));
    gallery.set_threshold(metric == Metric::L1 ? std::nullopt : std::optional<float>(0.1F));
    gallery.save(path);
    const Gallery back = Gallery::load(path, std::string(64, 'a'));
    EXPECT_EQ(back.metric(), metric);
    EXPECT_EQ(back.names(), gallery.names());
    EXPECT_EQ(back.threshold(), gallery.threshold());
    EXPECT_EQ(back.weights_sha256(), gallery.weights_sha256());
    ASSERT_EQ(back.rows(), gallery.rows());
    for (std::size_t r = 0; r < back.rows(); ++r) {
      EXPECT_EQ(back.identity(r), gallery.identity(r));
      EXPECT_TRUE(std::equal(back.row(r), back.row(r) + embed::kEmbeddingDim, gallery.row(r)));
    }
  }
}

TEST(GalleryFile, ManyRowsComeBackInTheirOrder) {
  const std::string path = fixtures::temp_dir() + "/many.safetensors";
  Gallery gallery;
  for (std::uint64_t r = 0; r < 8200; ++r) {
    embed::Embedding row{};
    row[r % row.size()] = static_cast<float>(r);
    gallery.add(std::to_string(r * 7 % 900), row);
  }
  gallery.save(path);
  const Gallery back = Gallery::load(path);
  ASSERT_EQ(back.rows(), gallery.rows());
  EXPECT_EQ(back.names(), gallery.names());
  for (std::size_t r = 0; r < back.rows(); ++r) {
    ASSERT_EQ(back.identity(r), gallery.identity(r)) << r;
    ASSERT_TRUE(std::equal(back.row(r), back.row(r) + embed::kEmbeddingDim, gallery.row(r))) << r;
  }
}

TEST(GalleryFile, AnEmptyGalleryComesBackEmpty) {
  const std::string path = fixtures::temp_dir() + "/empty.safetensors";
  Gallery(Metric::L2, "w").save(path);
  const Gallery back = Gallery::load(path, "w");
  EXPECT_EQ(back.rows(), 0U);
  EXPECT_TRUE(back.names().empty());
  EXPECT_FALSE(back.threshold().has_value());
}

TEST(GalleryFile, OtherWeightsAreRefusedWithAdvice) {
  const std::string path = Parts().write();
  EXPECT_NO_THROW(Gallery::load(path, "abc"));
  for (const char* other : {"abd", "", "ABC"}) {
    expect_error(ErrorCode::Mismatch, {path, "made with other weights", "enrol again"},
                 [&] { Gallery::load(path, other); });
  }
}

TEST(GalleryFile, MissingFilesAndFolders) {
  const std::string path = fixtures::temp_dir() + "/no-gallery.safetensors";
  expect_error(ErrorCode::NotFound, {path}, [&] { Gallery::load(path); });
  expect_error(ErrorCode::Io, {"/no/such/folder/g"}, [] { Gallery().save("/no/such/folder/g"); });
}

TEST(GalleryFile, RefusesBadTensors) {
  Parts parts;
  parts.embeddings.clear();
  refuse(parts, "embeddings: tensor is missing");
  parts = {};
  parts.identity.clear();
  refuse(parts, "identity: tensor is missing");
  parts = {};
  parts.embeddings_shape = {6, 64};
  refuse(parts, "embeddings: shape [6, 64], [any, 128] expected");
  parts = {};
  parts.embeddings_shape = {3 * 128};
  refuse(parts, "embeddings: shape");
  parts = {};
  parts.embeddings_type = DType::I32;
  refuse(parts, "embeddings: dtype I32, F32 expected");
  parts = {};
  parts.identity_type = DType::F64;
  refuse(parts, "identity: dtype F64, I64 expected");
  parts = {};
  parts.identity.push_back(0);
  refuse(parts, "identity: shape [4], [3] expected");
}

TEST(GalleryFile, RefusesBadValues) {
  for (const std::int64_t who : {std::int64_t{-1}, std::int64_t{2}, std::int64_t{1} << 62, INT64_MIN}) {
    Parts parts;
    parts.identity[2] = who;
    refuse(parts, "row 2 is of identity " + std::to_string(who));
  }
  for (const float bad : {std::nanf(""), HUGE_VALF, -HUGE_VALF}) {
    Parts parts;
    parts.embeddings[128 + 5] = bad;
    refuse(parts, "row 1");
  }
}

TEST(GalleryFile, RefusesBadMetadata) {
  const std::pair<const char*, const char*> spoilt[] = {{"kind", "tripletembed.weights"},
                                                        {"kind", ""},
                                                        {"version", "3"},
                                                        {"version", "x"},
                                                        {"names", ""},
                                                        {"names", "Ada"},
                                                        {"names", "{}"},
                                                        {"names", "[1, 2]"},
                                                        {"names", "[\"Ada\", null]"},
                                                        {"names", "[\"Ada\""},
                                                        {"names", "[]"},
                                                        {"names", "[\"\",\"b\"]"},
                                                        {"names", "[\"a\\n\",\"b\"]"},
                                                        {"metric", "euclid"},
                                                        {"metric", ""},
                                                        {"threshold", "-0.1"},
                                                        {"threshold", "near"},
                                                        {"threshold", "1e999"},
                                                        {"threshold", "\"0.4\""},
                                                        {"threshold", "[0.4]"},
                                                        {"threshold", "1e40"},
                                                        {"threshold", ""},
                                                        {"threshold", "null"}};
  for (const auto& [key, value] : spoilt) {
    SCOPED_TRACE(std::string(key) + " = " + value);
    Parts parts;
    parts.metadata[key] = value;
    refuse(parts, "");
  }
  for (const char* key : {"kind", "version", "names", "metric", "weights_sha256"}) {
    Parts parts;
    parts.metadata.erase(key);
    refuse(parts, key);
  }
}

TEST(GalleryFile, RefusesOneNameForTwoIdentities) {
  Parts parts;
  parts.metadata["names"] = R"(["Ada","Ada"])";
  refuse(parts, "names");
}

TEST(GalleryFile, RefusesTheWrongKindOfFile) {
  const std::string path = fixtures::temp_dir() + "/kind.safetensors";
  fixtures::write_bytes(path, std::string("{\"not\": \"safetensors\"}"));
  expect_error(ErrorCode::Format, {path, "not a safetensors file"}, [&] { Gallery::load(path); });
  embed::write_safetensors(path, {}, {{"kind", "tripletembed.dataset"}, {"version", "1"}});
  expect_error(ErrorCode::Format, {path, "'tripletembed.dataset', 'tripletembed.gallery' expected"},
               [&] { Gallery::load(path); });
}

}  // namespace
