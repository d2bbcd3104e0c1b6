// SPDX-License-Identifier: LGPL-2.1-or-later
#include "sessions/embed_settings.h"

#include "embed/error.h"

namespace embed::gst {
namespace {

constexpr OptionSpec kModelOption = {
    "model",
    OptionType::String,
    0,
    0,
    "",
    "",
    "Weights file (safetensors); unset takes TRIPLETEMBED_MODEL, then the installed default weights"};

constexpr OptionSpec kGalleryOption = {
    "gallery",
    OptionType::String,
    0,
    0,
    "",
    "",
    "Gallery file (safetensors) of the people to name, which is watched for changes; unset names nobody"};

constexpr OptionSpec kSharingOptions[] = {
    {"model-instance-id", OptionType::String, 0, 0, "", "",
     "Elements with the same id share one model; unset shares it with all of the same file, device and "
     "precision"},
    {"batch-timeout", OptionType::Double, 0, 10000, "0", "",
     "Most milliseconds that a face waits for those of other streams with the same model"},
};

constexpr OptionSpec kStrangerOptions[] = {
    {"strangers", OptionType::String, 0, 0, "", "",
     "File (safetensors) that keeps the people without a name who come back, made if need be; unset keeps "
     "them only as long as the process has an element with these weights"},
    {"strangers-retention", OptionType::Double, 0.001, 36500, "14", "",
     "Days after which a stranger who was not seen again is removed, from the file too"},
    {"keep-crops", OptionType::Bool, 0, 0, "false", "",
     "Keep the best crop of each stranger, in the folder of the name of the strangers' file and .crops"},
};

constexpr OptionSpec kFrameOptions[] = {
    {"max-size-buffers", OptionType::Int, 0, 1024, "0", "",
     "Most frames held while their faces are embedded; 0 chooses by batch-size, the number of streams and "
     "the faces in a frame"},
    {"object-class", OptionType::String, 0, 0, "face", "",
     "Types of the regions of interest to embed, separated by commas, compared without case; empty takes "
     "all"},
    {"inference-region", OptionType::Choice, 0, 0, "roi-list", "roi-list|full-frame",
     "What to embed: the regions of interest on the frame, or the frame as a whole"},
    {"inference-interval", OptionType::Int, 1, 1000000, "1", "",
     "Embed the faces of every Nth frame; those of the frames between get the last result of the face in "
     "their place, marked as predicted, else the reason 'skipped'"},
    {"reclassify-interval", OptionType::Int, 1, 1000000, "1", "",
     "Embed a face whose track is decided on every Nth frame of it, and sooner when it grows, shows better "
     "or "
     "leaves doubts; needs a tracker upstream"},
    {"max-faces", OptionType::Int, 0, 65535, "256", "",
     "Most regions of a frame to embed, the largest first; the others stay as they came and are counted as "
     "'too-many'; 0 embeds all"},
    {"qos", OptionType::Bool, 0, 0, "true", "",
     "Pass frames that come too late without embedding their faces, which get the reason 'skipped'"},
    {"unknown-label", OptionType::String, 0, 0, "???", "", "Label of a face that is nobody in the gallery"},
    {"min-face-size", OptionType::Int, 0, 65535, "0", "",
     "Faces whose shorter side has fewer pixels are not embedded and get the reason 'small'"},
    {"attach-embedding", OptionType::Bool, 0, 0, "true", "", "Attach the 128 values to the face's metadata"},
};

}  // namespace

const std::vector<ElementOption>& embed_options() {
  static const std::vector<ElementOption> options = [] {
    std::vector<ElementOption> all;
    all.push_back({kModelOption, Takes::AtStart});
    all.push_back({kGalleryOption, Takes::AtOnce});
    for (const auto& spec : kEmbedderOptions) all.push_back({spec, Takes::AtStart});
    for (const auto& spec : kSharingOptions) all.push_back({spec, Takes::AtStart});
    for (const auto& spec : kMatchOptions) all.push_back({spec, Takes::AtOnce});
    for (const auto& spec : kStrangerOptions) all.push_back({spec, Takes::AtStart});
    for (const auto& spec : kFrameOptions) all.push_back({spec, Takes::AtOnce});
    return all;
  }();
  return options;
}

EmbedSettings EmbedSettings::from(const OptionValues& values) {
  EmbedSettings s;
  s.model = values.text("model");
  s.gallery = values.text("gallery");
  s.embedder.device = values.text("device");
  s.embedder.precision = values.text("precision");
  s.embedder.threads = static_cast<int>(values.integer("threads"));
  s.embedder.batch_size = static_cast<std::size_t>(values.integer("batch-size"));
  s.model_instance_id = values.text("model-instance-id");
  s.batch_timeout = values.number("batch-timeout");
  s.max_size_buffers = values.integer("max-size-buffers");
  s.qos = values.flag("qos");
  s.match.threshold = values.number("threshold");
  s.match.far = values.number("far");
  s.match.metric = values.text("metric");
  s.match.k = static_cast<std::size_t>(values.integer("k"));
  s.match.margin = static_cast<float>(values.number("margin"));
  s.strangers = values.text("strangers");
  s.strangers_retention = values.number("strangers-retention");
  s.keep_crops = values.flag("keep-crops");
  s.object_class = values.text("object-class");
  s.full_frame = values.text("inference-region") == "full-frame";
  s.inference_interval = values.integer("inference-interval");
  s.reclassify_interval = values.integer("reclassify-interval");
  s.max_faces = static_cast<std::size_t>(values.integer("max-faces"));
  s.unknown_label = values.text("unknown-label");
  s.min_face_size = values.integer("min-face-size");
  s.attach_embedding = values.flag("attach-embedding");
  s.start_key = values.start_key();
  return s;
}

}  // namespace embed::gst
