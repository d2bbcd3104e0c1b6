// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gst/gst.h>

#include <string>

namespace embed::gst {

/// What a stream is called in messages and lines. One thread at a time.
class CameraName {
 public:
  /// The property `camera`, else the URI of the element that the stream comes from, which is asked for once;
  /// empty where there is neither. What is secret in an address is taken out. `sink_pad`: where it comes in.
  const std::string& of(GstPad* sink_pad, const std::string& camera);

 private:
  std::string camera_;  // The property.
  std::string name_;
  bool known_ = false;
};

}  // namespace embed::gst
