// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace training {

/// What an int8 runtime needs to know of one layer: real value = scale × integer, the zero point is 0.
struct LayerStatistics {
  std::string name;          ///< As in the weights file, without ".weight".
  std::size_t outputs = 0;   ///< Output channels.
  bool dense = false;        ///< The dense layer; else a convolution.
  bool unsigned_in = false;  ///< The input is never negative (behind a ReLU): U8; else I8, symmetric.

  std::vector<float> weight_absmax;  ///< [outputs]: of the folded weights.
  std::vector<float> weight_scale;   ///< [outputs]: weight_absmax / 127; 1 for a channel of zeros.

  float input_min = 0, input_max = 0, input_mean_abs = 0;
  float input_p999 = 0, input_p9999 = 0;  ///< 99.9 and 99.99 % of the magnitudes are not above these.
  float input_scale = 1;                  ///< input_p9999 / 255 (U8) or / 127 (I8); 1 where that is 0.
  std::vector<std::uint64_t> histogram;   ///< [2048]: of the magnitudes, from 0 to the largest.
};

/// The statistics of a whole network.
struct Int8Statistics {
  std::string weights_sha256;
  std::size_t images = 0;               ///< Calibrated on.
  std::vector<LayerStatistics> layers;  ///< In the order in which they run.
  /// Cosines between the embeddings of the calibration pictures in float32 and with weights and inputs of
  /// every layer rounded to these scales (sums and biases in float32).
  double mean_cosine = 0, least_cosine = 0;
};

/// Runs crops as crop_face makes them, [N, H, W, C] uint8, through the inference network of a weights file
/// (batch norms folded, float32, CPU). Throws what load_weights throws, and embed::Error(InvalidArgument) for
/// no crop, for bytes that are not whole crops, and for activations that are not finite.
Int8Statistics int8_statistics(const std::string& weights, const std::vector<std::uint8_t>& crops);

/// The embeddings, [N × 128], that a network with every layer rounded as `statistics` say gives. Throws as
/// above, and Error(Mismatch) for statistics of other weights.
std::vector<float> int8_embeddings(const std::string& weights, const Int8Statistics& statistics,
                                   const std::vector<std::uint8_t>& crops);

/// Writes a `tripletembed.statistics` file (docs/formats.md) atomically. Throws embed::Error(Io).
void write_statistics(const std::string& path, const Int8Statistics& statistics);

/// Everything but the histograms, as one JSON object.
std::string to_json(const Int8Statistics& statistics);

}  // namespace training
