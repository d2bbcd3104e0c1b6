// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <string_view>

namespace embed {

enum class OptionType { Bool, Int, Double, String, Choice };

/// One option: an element's property, a flag of triplet-train and a row of the documentation. All of them are
/// made from this table, so that name, range, default and wording are the same everywhere.
struct OptionSpec {
  const char* name;  ///< lower-case-with-dashes, as property and as `--flag`.
  OptionType type;
  double minimum;             ///< Int and Double only.
  double maximum;             ///< Int and Double only; inclusive.
  const char* default_value;  ///< As text; "" for a String that is not set.
  const char* choices;        ///< Choice only: "a|b|c"; the default is one of them.
  const char* blurb;          ///< What it does, in one line without a full stop.
};

/// Options of loading and running a model.
inline constexpr OptionSpec kEmbedderOptions[] = {
    {"device", OptionType::String, 0, 0, "auto", "",
     "Where to run: auto (a usable GPU, else the CPU), cpu, cuda or cuda:N"},
    {"precision", OptionType::Choice, 0, 0, "auto", "auto|fp32|bf16|fp16|int8",
     "Arithmetic of the network; auto is bf16 where the device has it natively, else fp32"},
    {"batch-size", OptionType::Int, 1, 1024, "16", "", "Most faces in one forward pass"},
    {"threads", OptionType::Int, 0, 1024, "0", "",
     "Threads of a pass on the CPU; 0: as many as there are CPUs for this process, without slow ones beside "
     "fast ones"},
};

/// Options of the nearest-identity rule.
inline constexpr OptionSpec kMatchOptions[] = {
    {"threshold", OptionType::Double, -1, 1000000, "-1", "",
     "Distance beyond which a face is unknown; -1 takes the gallery's, else the one for far"},
    {"far", OptionType::Double, 0.000000001, 0.5, "0.001", "",
     "Chance that a stranger is given any name of the gallery, whatever its size; a threshold that is set, "
     "or the gallery's own, goes before it"},
    {"metric", OptionType::Choice, 0, 0, "auto", "auto|l1|l2|squared-l2|cosine",
     "Distance between embeddings; auto takes the one that the weights were trained for"},
    {"k", OptionType::Int, 1, 1024, "1", "", "Nearest neighbours that vote for the identity"},
    {"margin", OptionType::Double, 0, 1000000, "0", "",
     "A face is unknown when the runner-up is less than this farther than the nearest identity; 0 never"},
};

/// Options of detecting faces.
inline constexpr OptionSpec kDetectorOptions[] = {
    {"detector", OptionType::Choice, 0, 0, "auto", "auto|yunet|haar|centerface",
     "Face detector; auto takes YuNet or CenterFace when a model is found, else the Haar cascade"},
    {"detector-model", OptionType::String, 0, 0, "", "",
     "YuNet or CenterFace ONNX, or cascade XML; unset looks at TRIPLETEMBED_DETECTOR and the data folders"},
    {"score-threshold", OptionType::Double, 0, 1, "0.75", "", "Least confidence of a face (not with Haar)"},
    {"nms-threshold", OptionType::Double, 0, 1, "0.3", "",
     "Overlap (IoU) above which the weaker of two faces is dropped"},
    {"min-face-size", OptionType::Int, 0, 65535, "0", "",
     "Faces whose shorter side has fewer pixels are dropped"},
    {"max-faces", OptionType::Int, 0, 65535, "0", "",
     "Keep only the largest so many faces of a frame; 0 keeps all"},
    {"max-side", OptionType::Int, 0, 65535, "480", "",
     "Detect on a copy reduced to this longer side; 0 detects at full size"},
    {"scales", OptionType::Choice, 0, 0, "auto", "auto|1|2",
     "Looks at a large picture: 2 looks for far faces at four times max-side too, and where max-side is 0 "
     "for "
     "close ones at 480; auto is 2 for photographs and 1 for video"},
};

/// Options of reading photographs.
inline constexpr OptionSpec kPictureOptions[] = {
    {"max-megapixels", OptionType::Int, 0, 1000000, "64", "",
     "Larger pictures are read reduced (JPEG) or refused; 0 takes all"},
};

}  // namespace embed
