// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "options/train_options.h"

/// One table of a training's options: the flags of `triplet-train train`, their ranges and their help, what a
/// checkpoint and a report say of a run, and the founding note's settings all follow it. Defaults stand in
/// the structs.
namespace training {

/// A choice's names; each is one of a flag's values.
template <typename T>
using Names = std::vector<std::pair<const char*, T>>;
/// All there are of T.
template <typename T>
const Names<T>& names_of();

template <typename T>
const char* name_of(T value) {
  for (const auto& [name, each] : names_of<T>()) {
    if (each == value) return name;
  }
  return "";
}

/// Where an option's value is. Nowhere: in more than one place, or in another form.
using OptionField =
    std::variant<std::monostate, bool*, int*, std::uint64_t*, double*, std::string*,
                 std::vector<std::string>*, std::vector<double>*, std::array<float, 3>*, Loss*, ClassLoss*,
                 Miner*, Sampler*, OptimizerKind*, Schedule*, Precision*, Augmentation*, MixBy*, AugmentOn*,
                 Select*, Towers*, embed::Head*, embed::Metric*, embed::DType*>;

/// Whether an option decides what the weights become, and so must be the same when a run goes on.
enum class Decides { Outcome, Nothing };

struct TrainOption {
  const char* name;   ///< lower-case-with-dashes, as flag.
  const char* group;  ///< Heading in the help.
  OptionField (*field)(TrainOptions&);
  /// Numbers: the range, bounds included; without one where both are 0.
  double minimum, maximum;
  Decides decides;
  const char* value;  ///< What a value is called in the help; null: by its type.
  const char* blurb;  ///< One line for people, without a full stop.
  /// As a checkpoint and a report have it; "" leaves it out. Null: the field's own text.
  std::string (*text)(const TrainOptions&) = nullptr;
};

/// In the order of the help.
const std::vector<TrainOption>& train_option_table();
/// The row of that name; std::out_of_range for one that is not there.
const TrainOption& train_option(const std::string& name);

/// Throws embed::Error(InvalidArgument) that names the first option whose value is outside its range.
void check_ranges(const TrainOptions& options);

}  // namespace training
