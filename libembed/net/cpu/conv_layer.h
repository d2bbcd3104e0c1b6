// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <vector>

#include "net/cpu/aligned_buffer.h"
#include "net/cpu/kernels.h"
#include "net/cpu/net_parameters.h"
#include "net/cpu/plane.h"
#include "net/cpu/run_table.h"

namespace embed::cpu {

/// What a thread needs to compute a layer; not shared between threads that compute at once.
struct ConvScratch {
  AlignedBuffer transformed, filters, products;
};

/// Who computes: member `index` of `count`, each its share.
struct ConvShare {
  int index = 0, count = 1;
};

/// A convolution between two planes, its weights laid out for the kernels once and for all: by Winograd's way
/// where that is faster, else directly. Pads by half its kernel. Immutable; any thread.
class ConvLayer {
 public:
  ConvLayer() = default;
  /// `input_unit` [in]: what 1 in each channel of the input is worth (8-bit numbers; empty: 1). `whole_rows`:
  /// a kernel's row is one run of kernel × in numbers, for inputs of few channels. The weights go into
  /// `arena`.
  ConvLayer(const Kernels& kernels, const ConvWeights& weights, const std::vector<float>& input_unit,
            const Plane& input, Arena& arena, bool whole_rows = false);

  /// Bytes of a ConvScratch's buffers.
  std::size_t transformed_bytes() const noexcept;
  std::size_t filter_bytes() const noexcept;
  std::size_t product_bytes() const noexcept;

  /// A share of all output pixels of `images` pictures. Of `to`, what the layer itself knows (channels,
  /// pixels, unit) is filled in.
  void compute(const std::uint8_t* input, std::int64_t images, ConvOutput to, const ConvShare& share,
               ConvScratch& scratch) const noexcept;
  /// The rows [first, last) of the output alone; for a layer of whole rows.
  void compute_rows(const std::uint8_t* input, std::int64_t first, std::int64_t last,
                    ConvOutput to) const noexcept;

 private:
  void pack(const ConvWeights& weights, const std::vector<float>& input_unit, std::int64_t run, Arena& arena);
  void pack_transformed(const ConvWeights& weights, Arena& arena);
  bool pack_filters(const ConvWeights& weights, Arena& arena);
  void find_units(const ConvWeights& weights, const std::vector<float>& input_unit);
  void find_start();
  ConvCall call(const std::uint8_t* input, const ConvOutput& to) const noexcept;
  void compute_tiles(const std::uint8_t* input, std::int64_t images, const ConvOutput& to,
                     const ConvShare& share, ConvScratch& scratch) const noexcept;

  const Kernels* kernels_ = nullptr;
  Plane input_;
  std::int64_t channels_ = 0, height_ = 0, width_ = 0, words_ = 0;  // Of the output; of a run.
  std::int64_t m_ = 0;                                              // Winograd's tile; 0: directly.
  std::vector<std::ptrdiff_t> input_at_, tap_at_;
  RunTable runs_;  // For kernels that take them.
  std::vector<float> unit_;
  std::vector<std::int32_t> start_;  // For centred kernels.
  // One of the two. Filters where the transformed weights would be too many for a cache and these are float16
  // numbers, as most files have them: they are then transformed in each pass, whatever its batch.
  AlignedBuffer packed_, filters_;
};

}  // namespace embed::cpu
