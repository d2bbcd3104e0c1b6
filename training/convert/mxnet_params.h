// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "embed/safetensors.h"

namespace training {

/// The named arrays of an MXNet `.params` file (what Gluon's save_parameters and nd.save write), held in
/// memory. Thread-safe once constructed.
///
/// The format, little-endian, is that of MXNet's src/ndarray/ndarray.cc: u64 0x112, u64 0, u64 count and as
/// many arrays, u64 count and as many names (u64 length, bytes). An array is u32 magic (0xF993FAC8: version
/// 1, 0xF993FAC9: 2, 0xF993FACA: 3; any other: its number of dimensions, of the time before versions),
/// from version 2 on i32 storage type (0: dense), i32 number of dimensions, as many i64 sides (before
/// versions: u32 sides), i32 device type and i32 device number, i32 element type, the elements. Where the
/// number of dimensions is 0 (version 3: −1) the array is empty and ends there.
class MxnetParams {
 public:
  /// Throws embed::Error(NotFound | Io | Format) that names the file and the array. Everything is checked
  /// against the bytes that are there before it is used; sparse arrays and lists without names are refused.
  explicit MxnetParams(const std::string& path);
  MxnetParams(MxnetParams&&) noexcept = default;
  MxnetParams& operator=(MxnetParams&&) noexcept = default;

  /// Whether a file that begins with these bytes is one of these.
  static bool is_one(const std::uint8_t* bytes, std::size_t size) noexcept;

  const std::string& path() const noexcept { return path_; }
  /// By name; empty arrays are left out. The views point into this object and may be unaligned.
  const std::map<std::string, embed::TensorView>& tensors() const noexcept { return tensors_; }

 private:
  std::string path_;
  std::vector<std::uint8_t> bytes_;
  std::map<std::string, embed::TensorView> tensors_;
};

}  // namespace training
