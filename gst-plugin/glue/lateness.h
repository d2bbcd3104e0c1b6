// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gst/gst.h>

#include <mutex>

namespace embed::gst {

/// What the QoS events from downstream say of frames to come. Thread-safe; no other lock is taken under its
/// mutex.
class Lateness {
 public:
  /// Takes in a QoS event.
  void observe(GstEvent* event);
  /// As after a flush: nothing is late.
  void reset();
  /// Whether a sink would find a buffer of that segment too late. Never without a PTS, and never in a segment
  /// that is not of time.
  bool is_late(const GstSegment& segment, GstBuffer* buffer) const;
  /// Tells the application (a QoS message) that a late buffer was passed on unprocessed. `processed` and
  /// `dropped` are frame counts. Call it without the object lock.
  void post(GstElement* element, const GstSegment& segment, GstBuffer* buffer, guint64 processed,
            guint64 dropped) const;

 private:
  mutable std::mutex mutex_;                     // Guards the two below.
  GstClockTime earliest_ = GST_CLOCK_TIME_NONE;  // Running time of the first frame that can be in time.
  gdouble proportion_ = 1.0;
};

}  // namespace embed::gst
