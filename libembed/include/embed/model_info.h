// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <array>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "embed/embedding.h"
#include "embed/far_table.h"
#include "embed/image_view.h"

namespace embed {

/// What the last layer does to its 128 values.
enum class Head {
  Sigmoid,  ///< The founding note's: each value in (0, 1).
  Linear,   ///< Unchanged.
  L2,       ///< Divided by their Euclidean norm.
};
const char* to_string(Head head) noexcept;  ///< "sigmoid", "linear", "l2".
Head parse_head(std::string_view name);     ///< Throws Error(InvalidArgument) that lists the names.

/// How a face region becomes the network's input.
enum class Alignment {
  Whole,      ///< The whole image, resized; regions are ignored (digits).
  Box,        ///< A square around the box.
  FivePoint,  ///< A similarity that lays the landmarks on the template; without landmarks, a square as for
              ///< Box.
};
const char* to_string(Alignment alignment) noexcept;  ///< "whole", "box", "five-point".
Alignment parse_alignment(std::string_view name);     ///< Throws Error(InvalidArgument) that lists the names.

/// How a crop is cut. It is stored with the weights, so that training, enrolment and the stream cut a face
/// alike. What lies outside the image is black in the crop.
struct CropRule {
  Alignment alignment = Alignment::FivePoint;

  // The defaults cut a face without landmarks as its landmarks would have cut it. They are medians over LFW
  // and CelebA photographs with the boxes of both YuNet files (2023mar: 1.02, 0, -0.08; 2022mar: 0.98, 0,
  // -0.06).

  /// Side of the square in units of the box's longer side.
  float box_scale = 1.0F;
  /// Shift of the square's centre from the box's centre, in units of the box's longer side.
  float box_shift_x = 0.0F;
  float box_shift_y = -0.07F;
  /// Pads as the founding note does: the square starts at the box's top-left corner, and what the box does
  /// not cover, to the right or below, is black. Then the three values above are not used.
  bool pad_right_bottom = false;

  /// Where the five landmarks go, as fractions of the crop's width and height.
  Landmarks five_points = {{{0.34192F, 0.46157F},
                            {0.65653F, 0.45983F},
                            {0.50022F, 0.64050F},
                            {0.37097F, 0.82469F},
                            {0.63152F, 0.82325F}}};

  /// The crop's field of view relative to what the rest of the rule says. A value above 1 shows more around
  /// the face at the same scale; packed training sets use it to leave room for shifts and rotations.
  float context = 1.0F;
};

/// The network's input, and how its bytes become numbers: (value / 255 − mean) / std.
struct InputSpec {
  int width = 64;    ///< Pixels, 16 to 1024.
  int height = 64;   ///< Pixels, 16 to 1024.
  int channels = 3;  ///< 3 (RGB) or 1 (grey).
  bool bgr = false;  ///< Channel order of a 3-channel input: false = R, G, B.
  std::array<float, 3> mean{0.0F, 0.0F, 0.0F};
  std::array<float, 3> std{1.0F, 1.0F, 1.0F};
  CropRule crop;
};

/// Everything that a weights file holds beside the tensors. A value type.
struct ModelInfo {
  std::string arch = "resnet18_v2";
  Head head = Head::L2;
  InputSpec input;
  Metric metric = Metric::Cosine;      ///< The distance that the embeddings were trained and calibrated for.
  std::optional<float> threshold;      ///< Beyond this distance a face is unknown; absent: never calibrated.
  std::optional<float> threshold_far;  ///< The false-accept rate that the threshold was calibrated to.
  FarTable far_table;                  ///< The thresholds of other rates; empty: never calibrated.
  std::string trained_on;              ///< What it was trained on, for people to read.
  std::string terms;                   ///< The terms of those images, for people to read.
  std::string teacher;  ///< JSON object of the network that it learned from (name, terms, sha256), or empty.
  std::string recipe;   ///< The command or script that repeats the training.
  std::string evaluation;  ///< JSON object of the last evaluation, or empty.
  /// weights_sha256() of the file; filled in by reading, ignored by writing.
  std::string sha256;
};

class SafetensorsFile;

/// What identifies weights to a gallery: the SHA-256, as 64 hex digits, of everything that an embedding
/// depends on: tensors, head, input and crop rule. Thresholds and texts for people do not change it. Takes as
/// long as the SHA-256 of the file. Throws Error(Io).
std::string weights_sha256(const SafetensorsFile& file, const ModelInfo& info);

/// The names and shapes of the tensors of a weights file for inputs with that number of channels.
std::map<std::string, std::vector<std::int64_t>> network_tensors(int channels);
/// Throws Error(Format) that names the file and the tensor unless the file holds each of those tensors, with
/// `prefix` before its name and in its shape. Reads the header alone.
void require_network(const SafetensorsFile& file, const std::string& prefix, int channels);

/// Throws Error(InvalidArgument) that names the field when a value is outside its documented range.
void validate(const InputSpec& input);

/// The entries of a safetensors file's `__metadata__` for `info`.
std::map<std::string, std::string> to_metadata(const ModelInfo& info);
/// The inverse of to_metadata. `file` is for messages only. Throws Error(Format) that names the field.
ModelInfo model_info_from_metadata(const std::map<std::string, std::string>& metadata,
                                   const std::string& file);

}  // namespace embed
