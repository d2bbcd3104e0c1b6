// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "embed/gallery.h"

namespace gallery_tool {

/// What decides the distance beyond which a face is unknown.
struct ThresholdOptions {
  double threshold = -1;  ///< < 0: the gallery's own; where it has none, the weights' for `far`.
  double far = 0.001;     ///< The chance that a stranger is given any name.
  std::string weights;    ///< Empty: the default weights, where the gallery was made with them.
};

/// Adds the flags of the three.
void add_threshold(CLI::App& command, ThresholdOptions& options);

/// The threshold that a stream applies to this gallery, whose means have been built. Throws Error(NotFound)
/// where neither the options nor the gallery nor the weights say one, Error(Mismatch) for weights that the
/// gallery was not made with, and as reading the weights' header does.
float threshold_of(const ThresholdOptions& options, const embed::Gallery& gallery);

}  // namespace gallery_tool
