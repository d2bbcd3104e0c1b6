// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "embed/faces/detector.h"
#include "sessions/option_values.h"

namespace embed::gst {

/// The properties of tripletdetect: libembed's detector options (`detector-model` is called `model` here) and
/// `detect-interval`.
const std::vector<ElementOption>& detect_options();

/// Their values, typed. A value type.
struct DetectSettings {
  faces::DetectorOptions detector;
  int interval = 1;  ///< Detect on every so-many-th frame.
  /// OptionValues::start_key(); empty where the settings were made by hand: then open() always opens.
  std::string start_key;

  static DetectSettings from(const OptionValues& values);
};

/// What tripletdetect does, without GStreamer. For one thread at a time.
class DetectSession {
 public:
  /// Loads the detector, or does nothing when the same is open already.
  /// Throws Error(NotFound | Format | Unsupported | InvalidArgument).
  void open(const DetectSettings& settings);
  void close() noexcept;

  /// The next frame is the first.
  void restart() noexcept { frame_ = 0; }
  /// Counts a frame; true when faces are to be looked for on it.
  bool due(const DetectSettings& settings) noexcept;
  /// Largest face first. Throws Error(InvalidArgument | Internal).
  std::vector<faces::DetectedFace> detect(const ImageView& image);

  /// One line for a log; empty when closed.
  std::string description() const;

 private:
  std::string opened_as_;  // What open() was called with, to tell a change.
  std::unique_ptr<faces::FaceDetector> detector_;
  std::uint64_t frame_ = 0;
};

}  // namespace embed::gst
