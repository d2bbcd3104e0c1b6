// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace training {

/// The `start` event of a run. What an older log does not hold is empty, or 0.
struct RunStart {
  std::map<std::string, std::string> options;  ///< decisive_options().
  std::vector<std::string> data;               ///< Packed sets trained on.
  std::set<std::string> without;               ///< TrainOptions::without.
  std::string val, weights;  ///< Set validated on (empty: identities held out) and weights written.
  std::string version, fingerprint, device;
  std::uint64_t images = 0, identities = 0, validation_images = 0, validation_identities = 0, batches = 0;
  std::uint64_t val_images = 0;   ///< TrainOptions::val_images.
  std::uint64_t second_kind = 0;  ///< Of the images, those of a second kind of picture.
  bool val_flip = false;
  bool has_files = false;  ///< Whether the log says where the files are.
};

/// Curves of a run over the epochs done: column by column, NaN where a line says nothing.
using Columns = std::map<std::string, std::vector<double>>;

/// Something that happened between two points of the curves.
struct RunEvent {
  double epoch = 0;  ///< Epochs done by then.
  std::string kind;  ///< "warning", "early stop", "resumed", …
  std::string text;  ///< For people; may be empty.
};

/// A run's metrics.jsonl.
struct RunLog {
  std::string folder;  ///< As it was named.
  RunStart start;      ///< The last of them: a resumed run has one for each time it was started.
  /// Of all step and epoch lines: "epoch" (epochs done, rising), "loss", "active", "lr", "images_per_second",
  /// "data_wait", "gradient_norm", "margin", shares "easy", "semi_hard", "hard", and "positive_p10" …
  /// "negative_p90".
  Columns curves;
  /// Of the epoch lines: "epoch", "seconds", "best" (0 or 1), "data_wait", "images_per_second", and each
  /// number of the validation behind "validation_", e.g. "validation_auc".
  Columns epochs;
  std::vector<RunEvent> events;
  std::vector<std::string> notes;  ///< What could not be read, for people.
};

/// Reads `folder`/metrics.jsonl. Lines that are no JSON object with an event, such as the cut last one of a
/// killed run, are left out and counted in the notes; what a resumed run did again replaces what it did
/// first. Throws embed::Error(NotFound) when there is no such file, Error(Io) when it cannot be read,
/// Error(Format) when it tells of no run.
RunLog read_run_log(const std::string& folder);

/// At most `most` rows of the columns (≥ 2), evenly spaced, with the first and the last.
Columns thinned(const Columns& columns, std::size_t most);

}  // namespace training
