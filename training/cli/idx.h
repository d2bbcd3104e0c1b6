// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace training::cli {

/// MNIST's IDX format, plain or gzipped: images [count, rows, columns] uint8 with their labels [count].
struct IdxSet {
  std::size_t count = 0;
  int rows = 0, columns = 0;
  std::vector<std::uint8_t> images;
  std::vector<std::uint8_t> labels;

  const std::uint8_t* image(std::size_t i) const {
    return images.data() + i * static_cast<std::size_t>(rows) * static_cast<std::size_t>(columns);
  }
};

/// Reads an image file and its labels file; an empty `labels_path` looks beside the images for the name with
/// "images" and "idx3" replaced by "labels" and "idx1". Memory grows with the data that is really there,
/// never by what a header claims. Throws embed::Error(NotFound | Io | Format) that names the file.
IdxSet read_idx(const std::string& images_path, const std::string& labels_path = {});

}  // namespace training::cli
