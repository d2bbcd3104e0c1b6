// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "data/packed_pictures.h"
#include "measure/set_evaluation.h"
#include "report/run_log.h"

namespace training {

/// What a report shows of one run.
struct ReportRun {
  std::string name;  ///< Unlike the other runs'.
  RunLog log;
  std::vector<std::string> notes;           ///< What is missing, and why; beside the log's own.
  std::string weights, set;                 ///< What was evaluated on what, for people.
  bool flip = false;                        ///< Each picture with its mirror image.
  std::optional<SetEvaluation> evaluation;  ///< Absent: only the log's curves.
  // Of the evaluated rows:
  PackedPictures pictures;           ///< [N]
  std::vector<std::int64_t> labels;  ///< [N]
  std::vector<std::string> sources;  ///< [N] where each picture came from; may be empty strings.
  std::vector<std::string> names;    ///< Of the identities.
};

struct ReportOptions {
  std::size_t picture_bytes = 7'000'000;  ///< Of all pictures together, so that the page stays below 10 MB.
  int pair_side = 72;                     ///< Pixels of the pictures in the lists of pairs.
  int map_side = 32;                      ///< Pixels of the pictures on the map.
  std::size_t curve_points = 1500;        ///< Most points of a curve.
};

/// The report's data as one JSON object, safe inside a <script> element: no '<', '>' or '&' is in it,
/// whatever the names and paths hold; bytes that are not UTF-8 become U+FFFD. Numbers have six digits.
std::string report_json(const std::vector<ReportRun>& runs, const ReportOptions& options = {});

/// The page around that JSON: HTML that needs no other file and no network.
std::string report_page(const std::string& json);

}  // namespace training
