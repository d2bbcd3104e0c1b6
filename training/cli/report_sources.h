// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "data/packed_pictures.h"
#include "data/training_set.h"
#include "report/run_log.h"

/// Where the pictures and the weights of a run are that a report wants to look at again.
namespace training::cli {

/// Pictures to evaluate on.
struct FoundSet {
  std::shared_ptr<const void> owner;  ///< Of all the pointers.
  ImageList list;
  PackedPictures pictures;
  std::string description;  ///< For people: which set, or what part of one.
  std::string note;         ///< Something that people should know about it; may be empty.
};

/// `path` as a whole, or whole identities of it in a seeded order until `most` pictures are there. Throws
/// what Dataset throws.
FoundSet open_set(const std::string& path, std::size_t most, std::uint64_t seed = 1);

/// What the run validated on, at most `most` pictures of it: its validation set, or the identities that it
/// held out, drawn once more from its data. Files that were moved with the run's folder are found beside it.
/// Throws embed::Error(NotFound) when the log does not say where they are, they are gone, or there was no
/// validation, Error(Unsupported) when it was across two kinds of picture, Error(Format) when the log's
/// options are not numbers, and what TrainingSet throws.
FoundSet open_validation(const RunLog& log, std::size_t most);

/// The weights file that the run wrote. Throws embed::Error(NotFound).
std::string find_weights(const RunLog& log);

}  // namespace training::cli
