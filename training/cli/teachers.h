// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <memory>
#include <string>

#include "data/teacher.h"

namespace training::cli {

/// Whether a file is a teacher's network, by its name; else it holds a teacher's vectors.
inline bool is_network(const std::string& path) {
  return path.size() > 5 && path.compare(path.size() - 5, 5, ".onnx") == 0;
}

/// An ONNX network with the JSON beside it, run by OpenCV on the CPU. Throws what read_teacher_info throws,
/// embed::Error(Format) when the network cannot be run on pictures of the JSON's size, Error(Mismatch) when
/// its vectors have another size than a student's, and Error(Unsupported) in a build without OpenCV.
std::unique_ptr<Teacher> open_teacher(const std::string& network);

}  // namespace training::cli
