// SPDX-License-Identifier: LGPL-2.1-or-later
// Are these two pictures of the same person? With libembed alone: no GStreamer, and LibTorch behind its
// headers.
//
// usage: ./run exec build/examples/03-compare-faces FIRST SECOND [THRESHOLD]
//
// Of each picture the largest face counts. THRESHOLD defaults to that of the weights, which is made to let
// no stranger in; where a miss costs as much as a mistake, the distance of the equal error rate
// (`triplet-train inspect`) serves better.
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <optional>
#include <string>

#include "embed/embedder.h"
#include "embed/error.h"
#include "embed/faces/detector.h"
#include "embed/faces/media.h"

namespace {

embed::Embedding embedding_of(const std::string& path, embed::faces::FaceDetector& detector,
                              const embed::Embedder& embedder) {
  const auto picture = embed::faces::load_image(path);
  const auto faces = detector.detect(picture.view());
  if (faces.empty()) {
    throw embed::Error(embed::ErrorCode::NotFound, "no face found in it", path);
  }
  return embedder.embed(picture.view(), {faces.front().region}).front();
}

void compare(const char* weights, const char* first, const char* second, std::optional<float> threshold) {
  const embed::Embedder embedder(weights);
  const auto detector = embed::faces::make_detector();
  const embed::ModelInfo& info = embedder.info();
  if (!threshold) threshold = info.threshold;
  const float distance = embed::distance(info.metric, embedding_of(first, *detector, embedder),
                                         embedding_of(second, *detector, embedder));
  std::printf("%s distance %.3f", embed::to_string(info.metric), static_cast<double>(distance));
  if (threshold) {
    std::printf(", threshold %.3f: %s person", static_cast<double>(*threshold),
                distance <= *threshold ? "the same" : "not the same");
  }
  std::printf("\n");
}

}  // namespace

int main(int argc, char** argv) {
  const char* weights = std::getenv("TRIPLETEMBED_MODEL");
  char* end = nullptr;
  std::optional<float> threshold;
  if (argc == 4) threshold = std::strtof(argv[3], &end);
  if (argc < 3 || argc > 4 || (end != nullptr && (*end != '\0' || end == argv[3])) || weights == nullptr) {
    std::fprintf(
        stderr,
        "usage: 03-compare-faces FIRST SECOND [THRESHOLD]   (TRIPLETEMBED_MODEL names the weights)\n");
    return 2;
  }
  try {
    compare(weights, argv[1], argv[2], threshold);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "03-compare-faces: %s\n", error.what());
    return 1;
  }
  return 0;
}
