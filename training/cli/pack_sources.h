// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "cli/idx.h"
#include "command_line/names.h"

namespace training::cli {

/// One picture to pack: a file, or an image of an IDX set.
struct Sample {
  std::string path;             ///< Empty for an IDX image.
  const IdxSet* idx = nullptr;  ///< Borrowed from the Listing.
  std::size_t index = 0;        ///< In `idx`.
  std::string source;      ///< What the data set records: "PREFIX/identity/file.jpg", "train-images…:17".
  std::size_t origin = 0;  ///< Which SOURCE of the command line it is from.
};

/// Everything that the sources hold, by class name.
struct Listing {
  std::map<std::string, std::vector<Sample>, command_line::NaturalLess> classes;
  std::vector<std::unique_ptr<IdxSet>> idx_sets;  ///< Keeps the images that samples point into.
  std::vector<std::string> empty_folders;         ///< Identity folders without any image.
  std::vector<std::string> missing_files;         ///< Named in a CSV, or a link, and not there.
  std::vector<std::string> skipped;               ///< In or beside identity folders, and no picture's name.
  bool has_files = false;
};

/// Says once, on the standard error, how many files beside the pictures there are, and which. Nothing where
/// there are none.
void say_skipped(const Listing& listing);

/// Adds a SOURCE: a folder root/identity/*.jpg, an IDX file or a CSV of path,label; `PREFIX=PATH` puts
/// "PREFIX/" before its class names. `labels` is the labels file of an IDX source, or empty. A non-empty
/// `people` keeps only the classes of those names (without the prefix). Throws embed::Error that names the
/// file and, for a CSV, the line.
void list_source(const std::string& source, const std::string& labels, const std::set<std::string>& people,
                 std::size_t origin, Listing& listing);

/// The names in a people list of LFW (peopleDevTrain.txt, people.txt) or a plain list, one name a line.
/// Throws embed::Error when there is none.
std::set<std::string> read_people(const std::string& path);

}  // namespace training::cli
