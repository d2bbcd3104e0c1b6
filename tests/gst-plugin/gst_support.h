// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gst/check/gstharness.h>
#include <gst/gst.h>
#include <gst/video/video.h>

#include <memory>
#include <string>
#include <vector>

#include "embed/gallery.h"
#include "fixtures.h"
#include "sessions/face_types.h"

/// What the tests of the elements share.
namespace gsttest {

/// "RGB", "NV12", …: GStreamer's name of a format.
std::string format_name(embed::PixelFormat format);
/// Caps of a picture, 25 frames a second.
std::string caps_text(embed::PixelFormat format, int width, int height);
std::string caps_text(const fixtures::Pixels& pixels);

/// A buffer with the picture's planes in one memory, their strides and offsets in a GstVideoMeta, PTS 40 ms ×
/// `index`.
GstBuffer* make_buffer(const fixtures::Pixels& pixels, int index = 0);
/// A ROI meta without params, as a detector by hand would add it.
GstVideoRegionOfInterestMeta* add_roi(GstBuffer* buffer, const char* type, guint x, guint y, guint w, guint h,
                                      int id = 0);

/// Default weights (random, seeded) and small, quick ones (16×16); made once a process.
const std::string& weights_file();
const std::string& quick_weights_file();
/// Weights other than those.
const std::string& other_weights_file();

/// A harness that is torn down with the object.
class Harness {
 public:
  /// An element or a part of a pipeline, as gst-launch writes it, but with capsfilter written out.
  explicit Harness(const std::string& launch);
  ~Harness();
  Harness(const Harness&) = delete;
  Harness& operator=(const Harness&) = delete;

  GstHarness* get() const { return harness_; }
  /// The element that is called `name=e` in the launch line.
  GstElement* element() const { return named_; }
  void caps(const std::string& text) { gst_harness_set_src_caps_str(harness_, text.c_str()); }
  /// Takes the buffer; returns what comes out of the other end (owned by the caller).
  GstBuffer* push(GstBuffer* buffer) { return gst_harness_push_and_pull(harness_, buffer); }

 private:
  GstHarness* harness_;
  GstElement* named_;
};

using MessagePtr = std::unique_ptr<GstMessage, void (*)(GstMessage*)>;

/// A bus for an element that has none, such as one in a harness; taken away from it with the object.
class Bus {
 public:
  explicit Bus(GstElement* element);
  ~Bus();
  Bus(const Bus&) = delete;
  Bus& operator=(const Bus&) = delete;

  /// The next message of these types; waits for it so long, then null.
  MessagePtr pop(GstMessageType types, GstClockTime wait = 0);

 private:
  GstElement* element_;
  GstBus* bus_;
};

/// Whether the element `launch` offers GstVideoCropMeta to upstream when downstream does, beside
/// GstVideoMeta, which it must.
bool offers_crop(const std::string& launch);
/// What a frame with a face is told whose crop shows a part of it.
GstFlowReturn push_cropped(const std::string& launch);

using BufferPtr = std::unique_ptr<GstBuffer, void (*)(GstBuffer*)>;
BufferPtr own(GstBuffer* buffer);

/// The faces on a buffer as the elements downstream read them.
std::vector<embed::gst::Face> faces_of(GstBuffer* buffer, int width, int height);

/// What the first error (or warning) on the element's way to `state` says.
struct Outcome {
  GstStateChangeReturn result = GST_STATE_CHANGE_FAILURE;
  GQuark domain = 0;
  int code = 0;
  std::string message;
};
/// Makes the element from a launch line, sets the state and takes the error, or a message of that other type,
/// from its bus.
Outcome try_state(const std::string& launch, GstState state, GstMessageType type = GST_MESSAGE_ERROR);

/// Runs a whole pipeline to its end; the messages of errors and warnings, empty when there were none.
std::vector<std::string> run_pipeline(const std::string& launch, int seconds = 120);

}  // namespace gsttest
