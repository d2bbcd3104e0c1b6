// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

namespace training {

/// CRC-32C (Castagnoli), as TFRecord files carry it.
std::uint32_t crc32c(const void* data, std::size_t size) noexcept;

/// A TensorBoard event file: TFRecord frames around `Event` protocol buffers with scalar summaries. Not
/// thread-safe.
class TensorBoardLog {
 public:
  /// Makes `folder`/events.out.tfevents.TIME.HOST; a resumed run adds a file, TensorBoard joins them. Throws
  /// embed::Error(Io).
  explicit TensorBoardLog(const std::string& folder);

  /// One event with these values; those that are not finite are left out. Flushed, so that a watcher sees it.
  void scalars(std::size_t step, const std::vector<std::pair<std::string, double>>& values);

 private:
  void write(const std::string& event);

  std::string path_;
  std::ofstream file_;
};

}  // namespace training
