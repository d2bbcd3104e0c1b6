// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace training::cli {

/// A verification protocol in the format of Labeled Faces in the Wild.
struct PairList {
  struct Pair {
    std::size_t first, second;  ///< Indices into `images`.
    bool same;                  ///< Both show one person.
    std::size_t fold;
  };
  std::vector<std::string> images;  ///< "NAME/NAME_0001.jpg" or a path, each once.
  std::vector<Pair> pairs;
  std::size_t folds = 1;  ///< 1: a development list (view 1).
};

/// Reads lists of two formats. LFW's: pairsDevTrain.txt and pairsDevTest.txt (first line: n; n lines `name i
/// j`, n lines `name1 i name2 j`) and pairs.txt (first line: folds and n; the same for each fold); names may
/// hold blanks. And lines `path1 path2 same`, with 1 for pictures of one person and 0 for two people, and a
/// fold from 1 behind it or not. Fields stand between tabs, or in a line without tabs between blanks. A UTF-8
/// mark ahead of the list, carriage returns and empty lines at its end do not matter. Throws embed::Error
/// that names file and line.
PairList read_pairs(const std::string& path);

/// Where that image of a list is in a folder: as it is named, else with another ending of a picture's file;
/// as named where there is none.
std::string picture_of(const std::string& root, const std::string& image);

/// The pairs of one fold, counted from 1, and their images alone, as a list of one fold. Throws
/// embed::Error(InvalidArgument) when there is no such fold.
PairList one_fold(const PairList& list, std::size_t fold);

/// A list of one fold dealt out to `folds`, genuine and impostor pairs each in their order. Throws
/// embed::Error(InvalidArgument) for a list that has folds already, or too few pairs of a kind.
PairList in_folds(PairList list, std::size_t folds);

}  // namespace training::cli
