// SPDX-License-Identifier: LGPL-2.1-or-later
#include "face_reader/clip_faces.h"

#include <algorithm>
#include <limits>

namespace face_reader {

namespace {

/// A face is poor when its quality is below this share of the clip's median.
constexpr float kLeastShare = 0.5F;
}  // namespace

void drop_poor(ClipFaces& faces, float least) {
  if (faces.quality.empty()) return;
  std::vector<float> sorted;
  for (const embed::FaceQuality& quality : faces.quality) sorted.push_back(quality.overall);
  const auto middle = sorted.begin() + static_cast<std::ptrdiff_t>(sorted.size() / 2);
  std::nth_element(sorted.begin(), middle, sorted.end());
  least = std::max(least, kLeastShare * *middle);
  const std::size_t bytes = faces.crops.size() / faces.quality.size();
  ClipFaces kept;
  for (std::size_t i = 0; i < faces.quality.size(); ++i) {
    if (faces.quality[i].overall < least) continue;
    const auto first = faces.crops.begin() + static_cast<std::ptrdiff_t>(i * bytes);
    kept.crops.insert(kept.crops.end(), first, first + static_cast<std::ptrdiff_t>(bytes));
    kept.quality.push_back(faces.quality[i]);
    kept.seconds.push_back(faces.seconds[i]);
  }
  faces.crops = std::move(kept.crops);
  faces.quality = std::move(kept.quality);
  faces.seconds = std::move(kept.seconds);
}

std::vector<std::size_t> second_person(const std::vector<embed::Embedding>& embeddings, embed::Metric metric,
                                       float threshold) {
  constexpr std::size_t kFewest = 3;
  double least = std::numeric_limits<double>::infinity();
  std::size_t medoid = 0;
  for (std::size_t i = 0; i < embeddings.size(); ++i) {
    double sum = 0;
    for (const embed::Embedding& other : embeddings) sum += embed::distance(metric, embeddings[i], other);
    if (sum >= least) continue;
    least = sum;
    medoid = i;
  }
  std::vector<std::size_t> far;
  for (std::size_t i = 0; i < embeddings.size(); ++i) {
    if (embed::distance(metric, embeddings[i], embeddings[medoid]) > threshold) far.push_back(i);
  }
  double apart = 0;
  for (const std::size_t i : far) {
    for (const std::size_t j : far) apart += embed::distance(metric, embeddings[i], embeddings[j]);
  }
  const auto pairs = static_cast<double>(far.size() * (far.size() - 1));
  return far.size() >= kFewest && apart / pairs <= threshold ? far : std::vector<std::size_t>();
}

}  // namespace face_reader
