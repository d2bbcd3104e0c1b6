// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <array>
#include <cstddef>
#include <set>
#include <string>
#include <vector>

namespace training {

/// What is learned from and validated on. A second kind of picture is a sketch beside a photo, or an infrared
/// face beside a visible one.
struct DataOptions {
  /// Packed data sets; identities of the same name are one.
  std::vector<std::string> data;
  /// Packed data sets of the second kind; empty: there is one kind. Identities are matched to those of `data`
  /// by name.
  std::vector<std::string> data_other;
  /// Packed data set to validate on; empty: identities held out of `data`.
  std::string val;
  /// What `val` is, of the second kind; both or neither.
  std::string val_other;
  /// Share of the identities that is held out when `val` is empty; 0 holds out none.
  double val_fraction = 0.1;
  /// At most so many validation images (a seeded choice of identities); 0: all.
  std::size_t val_images = 4000;
  /// Validate with the sum of the picture's and its mirror image's embeddings.
  bool val_flip = false;
  /// Identities with fewer training images are left out.
  std::size_t min_images = 2;
  /// Identities that are neither trained nor validated on, of `data` and `data_other`: whole names, or what
  /// follows a prefix and '/'.
  std::set<std::string> without;
  /// Side of the network's picture; 0: what the data was packed for.
  int size = 0;
  /// 1 or 3; 0: the data's.
  int channels = 0;
  /// Of (value / 255 − mean) / std, for each channel.
  std::array<float, 3> mean{0, 0, 0};
  std::array<float, 3> std{1, 1, 1};
};

/// Whether the data are of two kinds.
bool is_cross_kind(const DataOptions& options) noexcept;

}  // namespace training
