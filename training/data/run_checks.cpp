// SPDX-License-Identifier: LGPL-2.1-or-later
#include "data/run_checks.h"

#include <filesystem>

#include "embed/error.h"
#include "embed/safetensors.h"

namespace training {

namespace {

using embed::Error;
using embed::ErrorCode;

/// From the network's picture to the last stage's: five halvings, each rounded up.
constexpr int kReduction = 32;

/// Whether both names lead to one file, which need not be there yet.
bool same_file(const std::string& a, const std::string& b) {
  std::error_code error;
  if (std::filesystem::equivalent(a, b, error)) return true;
  const auto plain = [&](const std::string& path) {
    return std::filesystem::weakly_canonical(std::filesystem::absolute(path), error);
  };
  return plain(a) == plain(b);
}

/// The data sets that the run reads.
std::vector<std::string> sets_of(const TrainOptions& options) {
  std::vector<std::string> sets = options.data;
  sets.insert(sets.end(), options.data_other.begin(), options.data_other.end());
  for (const std::string& set : {options.val, options.val_other}) {
    if (!set.empty()) sets.push_back(set);
  }
  return sets;
}

}  // namespace

void require_writable_weights(const TrainOptions& options) {
  std::vector<std::string> files = {options.out};
  if (options.towers == Towers::Separate) files.push_back(other_weights(options));
  if (files.size() == 2 && same_file(files[0], files[1])) {
    throw Error(ErrorCode::InvalidArgument, "--out-other: another file than --out expected", files[1]);
  }
  for (const std::string& file : files) {
    for (const std::string& set : sets_of(options)) {
      if (same_file(file, set))
        throw Error(ErrorCode::InvalidArgument, "would replace a data set of this run", file);
    }
    const auto folder = std::filesystem::absolute(file).parent_path();
    std::error_code error;
    if (!std::filesystem::is_directory(folder, error)) {
      throw Error(ErrorCode::Io, "cannot be written: there is no folder " + folder.string(), file);
    }
    embed::check_writable(file);
  }
}

void require_no_input(const std::string& out, const std::vector<std::string>& inputs) {
  std::error_code error;
  for (const std::string& input : inputs) {
    if (!input.empty() && std::filesystem::equivalent(out, input, error))
      throw Error(ErrorCode::InvalidArgument, "would replace " + input + ", which is read", out);
    // Nothing that is not there is read.
    if (!std::filesystem::exists(out, error)) return;
  }
}

void require_variance(const TrainOptions& options, const embed::InputSpec& input,
                      const std::vector<BatchPlan>& batches) {
  const bool one_pixel = input.width <= kReduction && input.height <= kReduction;
  if (!options.neck && !one_pixel) return;
  const bool in_parts =
      options.towers == Towers::Separate || (is_offline(options) && options.separate_passes);
  const std::size_t passes = in_parts ? batch_parts(options) : 1;
  for (const BatchPlan& plan : batches) {
    if (plan.size() / passes != 1) continue;
    throw Error(
        ErrorCode::InvalidArgument,
        "--batch-size: " + std::to_string(options.batch_size) + " makes a batch of one picture, and " +
            (one_pixel ? "pictures of " + std::to_string(input.width) + "x" + std::to_string(input.height) +
                             " end as one pixel"
                       : "the neck sees one value of each kind") +
            ": batch norm needs two at least, take a larger batch" + (one_pixel ? "" : " or --no-neck"));
  }
}

bool enough_to_calibrate(const embed::InputSpec& input, std::size_t identities, std::size_t impostor_pairs) {
  return input.crop.alignment == embed::Alignment::Whole ||
         (identities >= kFewestPeople && impostor_pairs >= kFewestImpostorPairs);
}

}  // namespace training
