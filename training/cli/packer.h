// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/pack_sources.h"
#include "cli/transform.h"
#include "command_line/progress.h"
#include "command_line/table_flags.h"
#include "embed/dataset.h"
#include "embed/model_info.h"
#include "pictures/pictures.h"

namespace training::cli {

/// The flags of triplet-train pack.
struct PackOptions {
  std::string out, weights, align, people, labels, fallback = "none";
  std::vector<std::string> sources;
  int size = 64, channels = 3;
  float field_of_view = 1.0F, context = 1.0F, centre_size = 0.6F;
  int face_size =
      0;  // Pixels that a face has before it is cut, as far cameras show it; 0: as many as it has.
  std::size_t min_images = 1, limit_per_class = 0, skip_per_class = 0;
  std::string teacher;  // Its JSON gives the crop rule.
  bool detect = false, skip_bad = false, unique_names = false, as_cut = false;
  std::vector<std::string> transform{"none"};
  command_line::TableFlags detector;
};

/// Counts of one SOURCE.
struct SourceCount {
  std::size_t images = 0, packed = 0, no_face = 0, fallback = 0, bad = 0;
};

/// Cuts the samples class by class and collects them. A picture that cannot be read or cut is an error that
/// names its file, or with --skip-bad said and counted.
class Packer {
 public:
  /// `model`: the network's own picture and crop rule, before --context widens it. `options` must outlive
  /// this. Throws embed::Error.
  Packer(const PackOptions& options, const embed::ModelInfo& model);

  void add_class(const std::string& name, const std::vector<Sample>& samples,
                 command_line::Progress& progress);
  /// Of a class that is too small before any of its pictures is looked at.
  void leave_out(std::size_t samples, command_line::Progress& progress) {
    ++too_few_;
    progress.step(samples);
  }

  embed::DatasetWriter& writer() { return writer_; }
  const std::vector<SourceCount>& counts() const { return counts_; }
  /// Classes of which no image is left, with the first source of each.
  const std::vector<std::string>& lost() const { return lost_; }
  std::size_t too_few() const { return too_few_; }

 private:
  /// Into crop_; false when the sample is left out.
  bool cut(const Sample& sample, SourceCount& count);
  bool cut_picture(const embed::ImageView& view, SourceCount& count);
  void cut_face(const embed::ImageView& view, const embed::FaceRegion& region);

  const PackOptions& options_;
  embed::InputSpec input_;
  embed::DatasetWriter writer_;
  std::optional<pictures::FaceFinder> finder_;
  std::vector<std::uint8_t> crop_, pixels_;
  std::vector<Transform> transforms_;
  std::vector<const Sample*> kept_;
  std::vector<SourceCount> counts_;
  std::vector<std::string> lost_;
  std::size_t too_few_ = 0;
};

}  // namespace training::cli
