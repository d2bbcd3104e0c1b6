// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "embed/embedder.h"
#include "embed/match_rule.h"
#include "sessions/option_values.h"

namespace embed::gst {

/// The properties of tripletembed: those of libembed's tables and the element's own.
const std::vector<ElementOption>& embed_options();

/// Their values, typed. A value type.
struct EmbedSettings {
  std::string model;    ///< Weights file; empty: see embed/default_weights.h.
  std::string gallery;  ///< Gallery file; empty: nobody is known.
  /// Only elements with the same one share a model; empty: those of one file.
  std::string model_instance_id;
  EmbedderOptions embedder;
  double batch_timeout = 0;  ///< Milliseconds that a face may wait for those of other streams.
  int max_size_buffers = 0;  ///< Most frames in the element; 0: see EmbedSession::most_frames.
  bool qos = true;           ///< Late frames are not embedded.
  MatchSettings match;
  std::string strangers;              ///< File of strangers; empty: they are kept in memory.
  double strangers_retention = 14;    ///< Days.
  bool keep_crops = false;            ///< Of strangers, beside their file.
  std::string object_class = "face";  ///< ROI types to embed, see read_rois(); empty: every ROI.
  bool full_frame = false;            ///< Embed the whole frame in place of ROIs.
  int inference_interval = 1;         ///< Embed the faces of every so-many-th frame.
  int reclassify_interval = 1;        ///< Embed a face whose track is decided on every so-many-th frame.
  std::size_t max_faces = 256;        ///< Most regions of a frame to embed; 0: all.
  std::string unknown_label = "???";
  int min_face_size = 0;  ///< Pixels.
  bool attach_embedding = true;
  bool post_messages = true;
  std::string camera;  ///< Names the stream in messages; empty: the URI that it is read from.
  /// OptionValues::start_key(); empty where the settings were made by hand: then open() always opens.
  std::string start_key;

  static EmbedSettings from(const OptionValues& values);
};

}  // namespace embed::gst
