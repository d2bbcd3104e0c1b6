// SPDX-License-Identifier: LGPL-2.1-or-later
// The exported model in another runtime: OpenCV's.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <opencv2/dnn.hpp>

#include "base/rng.h"
#include "convert/onnx_export.h"
#include "embed/embedder.h"
#include "embed/error.h"
#include "embed/preprocess.h"
#include "fixtures.h"

namespace training {
namespace {

constexpr std::size_t kCount = 5;

std::vector<std::uint8_t> random_crops(const embed::InputSpec& input) {
  std::vector<std::uint8_t> crops(kCount * embed::crop_bytes(input));
  Rng rng(3);
  for (std::uint8_t& byte : crops) byte = static_cast<std::uint8_t>(rng.below(256));
  return crops;
}

/// [N, H, W, C] bytes → [N, C, H, W] floats.
cv::Mat as_blob(const std::vector<std::uint8_t>& crops, const embed::InputSpec& input) {
  const std::vector<int> shape = {static_cast<int>(kCount), input.channels, input.height, input.width};
  cv::Mat blob(shape, CV_32F);
  const auto channels = static_cast<std::size_t>(input.channels);
  const std::size_t pixels = embed::crop_bytes(input) / channels;
  for (std::size_t n = 0; n < kCount; ++n) {
    for (std::size_t p = 0; p < pixels; ++p) {
      for (std::size_t c = 0; c < channels; ++c) {
        blob.ptr<float>()[(n * channels + c) * pixels + p] =
            static_cast<float>(crops[(n * pixels + p) * channels + c]);
      }
    }
  }
  return blob;
}

TEST(OnnxExport, GivesTheEmbeddersVectorsInAnotherRuntime) {
  for (const embed::Head head : {embed::Head::L2, embed::Head::Sigmoid, embed::Head::Linear}) {
    for (const int channels : {1, 3}) {
      SCOPED_TRACE(std::string(embed::to_string(head)) + " " + std::to_string(channels));
      fixtures::WeightsOptions made;
      made.head = head;
      made.input.channels = channels;
      made.input.width = made.input.height = 48;
      made.input.mean = {0.4F, 0.5F, 0.3F};
      made.input.std = {0.2F, 0.25F, 0.3F};
      const std::string weights = fixtures::write_weights(fixtures::temp_dir() + "/export.safetensors", made);
      const std::string file = fixtures::temp_dir() + "/export.onnx";
      export_onnx(weights, file);

      embed::EmbedderOptions options;
      options.device = "cpu";
      options.precision = "fp32";
      const embed::Embedder embedder(weights, options);
      const std::vector<std::uint8_t> crops = random_crops(made.input);
      std::vector<embed::Embedding> expected(kCount);
      embedder.embed_crops(crops.data(), kCount, expected.data());

      cv::dnn::Net net = cv::dnn::readNetFromONNX(file);
      net.setPreferableBackend(cv::dnn::DNN_BACKEND_OPENCV);
      net.setInput(as_blob(crops, made.input));
      const cv::Mat found = net.forward();
      ASSERT_EQ(found.rows, static_cast<int>(kCount));
      ASSERT_EQ(found.cols, static_cast<int>(embed::kEmbeddingDim));
      for (std::size_t n = 0; n < kCount; ++n) {
        embed::Embedding row{};
        std::copy_n(found.ptr<float>(static_cast<int>(n)), row.size(), row.begin());
        EXPECT_LT(embed::distance(embed::Metric::Cosine, row, expected[n]), 1e-5F) << n;
        EXPECT_LT(embed::distance(embed::Metric::L2, row, expected[n]), 1e-3F * (1 + std::fabs(row[0]))) << n;
      }
    }
  }
}

TEST(OnnxExport, ABrokenFileOrFolderIsNamedAndNothingIsWritten) {
  const std::string file = fixtures::temp_dir() + "/never.onnx";
  const auto refused = [](const std::string& weights, const std::string& out, const std::string& says) {
    try {
      export_onnx(weights, out);
      ADD_FAILURE() << "no error";
    } catch (const embed::Error& error) {
      EXPECT_NE(std::string(error.what()).find(says), std::string::npos) << error.what();
    }
    EXPECT_FALSE(std::filesystem::exists(out));
  };
  refused(fixtures::temp_dir() + "/none.safetensors", file, "none.safetensors");
  const std::string weights = fixtures::write_weights(fixtures::temp_dir() + "/cut.safetensors");
  refused(weights, fixtures::temp_dir() + "/nowhere/x.onnx", "nowhere/x.onnx");
  std::filesystem::resize_file(weights, std::filesystem::file_size(weights) - 1);
  refused(weights, file, "cut.safetensors");
}

}  // namespace
}  // namespace training
