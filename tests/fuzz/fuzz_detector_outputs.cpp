// SPDX-License-Identifier: LGPL-2.1-or-later
// What a detector's network may give, whoever made its file: any shapes, types and numbers. What is made of
// them are boxes that the rest can work with, or an error.
#include <cmath>

#include "embed/error.h"
#include "faces/network_kinds.h"
#include "faces/output_values.h"
#include "faces/postprocess.h"
#include "values.h"

namespace fuzz {

namespace {

/// How many values the outputs of a kind have for an input of that size.
std::vector<int> right_counts(const embed::faces::NetworkKind& kind, cv::Size canvas) {
  const auto cells = [canvas](int stride) { return (canvas.width / stride) * (canvas.height / stride); };
  if (kind.outputs.size() == 4) return {cells(4), 2 * cells(4), 2 * cells(4), 10 * cells(4)};
  if (kind.outputs.size() == 3) {
    const int priors = 3 * cells(8) + 2 * cells(16) + 2 * cells(32) + 3 * cells(64);
    return {14 * priors, 2 * priors, priors};
  }
  std::vector<int> counts;
  for (const int values : {1, 1, 4, 10}) {
    for (const int stride : {8, 16, 32}) counts.push_back(values * cells(stride));
  }
  return counts;
}

cv::Mat output(Values& in, int count) {
  const auto level = static_cast<float>(in.real());
  const bool wrong = in.once_in(32);
  if (wrong && in.flag()) return {};
  cv::Mat made(1, wrong ? static_cast<int>(in.below(1000)) : count, wrong && in.flag() ? CV_64F : CV_32F,
               level);
  if (made.type() != CV_32F || made.empty()) return made;
  for (std::size_t changes = in.below(12); changes > 0; --changes)
    made.at<float>(0, static_cast<int>(in.below(65536)) % made.cols) = static_cast<float>(in.real());
  return made;
}

void check(const std::vector<embed::faces::DetectedFace>& faces) {
  for (const auto& face : faces) {
    if (!embed::faces::is_usable(face)) fuzz::broken("a face is of finite size");
    if (!(face.confidence >= 0 && face.confidence <= 1)) fuzz::broken("a confidence is 0 to 1");
  }
}

}  // namespace

std::vector<Bytes> seeds() {
  return arbitrary_seeds(64, 400);
}

}  // namespace fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace embed::faces;
  static const cv::Mat picture = [] {
    cv::Mat made(128, 128, CV_8UC3);
    cv::randu(made, cv::Scalar::all(0), cv::Scalar::all(255));
    return made;
  }();
  fuzz::Values in(data, size);
  const NetworkKind& kind = network_kinds()[in.below(network_kinds().size())];
  const int sides[] = {64, 96, 128};
  const cv::Size canvas(in.of(sides), in.of(sides));
  DetectorOptions options;
  options.score_threshold = in.byte() / 255.0F;
  options.nms_threshold = in.byte() / 255.0F;
  options.max_faces = static_cast<int>(in.below(4));
  options.min_face_size = in.byte();
  std::vector<cv::Mat> outputs;
  for (const int count : fuzz::right_counts(kind, canvas)) outputs.push_back(fuzz::output(in, count));
  try {
    auto faces = kind.decode(outputs, canvas, options.score_threshold);
    fuzz::check(faces);
    if (faces.size() > 64) faces.resize(64);  // To compare each with each takes its time.
    drop_even(faces, picture(cv::Rect(cv::Point(0, 0), canvas)));
    suppress_overlaps(faces, options.nms_threshold);
    const float factors[] = {1, 0.25F, 40, 1000};
    scale_faces(faces, in.of(factors), in.of(factors));
    select_faces(faces, options);
    for (const DetectedFace& face : faces) {
      const embed::Rect& box = face.region.box;
      if (!std::isfinite(box.x + box.width) || !std::isfinite(box.y + box.height) ||
          !std::isfinite(box.width * box.height))
        fuzz::broken("a face in a large picture is of finite size");
    }
  } catch (const embed::Error& error) {
    if (error.code() != embed::ErrorCode::Format) fuzz::broken("a bad network is a format error");
  }
  return 0;
}
