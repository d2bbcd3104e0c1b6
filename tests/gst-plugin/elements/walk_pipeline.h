// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <atomic>
#include <mutex>
#include <random>
#include <string>
#include <vector>

#include "gst_support.h"

/// What the walks through the elements' states are made of.
namespace gsttest {

/// What comes out at a pipeline's end, checked as it comes.
class Arrivals {
 public:
  /// Watches this pad.
  explicit Arrivals(GstPad* pad);
  ~Arrivals();
  Arrivals(const Arrivals&) = delete;
  Arrivals& operator=(const Arrivals&) = delete;

  int frames() const { return frames_; }
  /// What was wrong, each once: "a frame before the caps".
  std::vector<std::string> faults() const;

 private:
  static GstPadProbeReturn see(GstPad*, GstPadProbeInfo* info, gpointer self);
  void see_event(GstEvent* event);
  void see_frame(GstBuffer* buffer);
  void fault(const std::string& what);

  GstPad* pad_;
  gulong probe_;
  std::atomic<int> frames_{0};
  mutable std::mutex mutex_;  // Guards what follows: flushes come beside the stream.
  std::vector<std::string> faults_;
  bool started_ = false, segment_ = false, ended_ = false;
  gsize frame_size_ = 0;  // 0: no caps yet.
  GstClockTime last_ = GST_CLOCK_TIME_NONE;
};

/// videotestsrc ! capsfilter ! [tripletdetect ! triplettrack !] tripletembed ! tripletoverlay ! tripletjson !
/// fakesink, with faces that a probe marks, and what may befall it. One thread.
class WalkPipeline {
 public:
  explicit WalkPipeline(unsigned seed);
  ~WalkPipeline();
  WalkPipeline(const WalkPipeline&) = delete;
  WalkPipeline& operator=(const WalkPipeline&) = delete;

  /// Takes a step at random and returns its name.
  std::string step();
  /// A property or the statistics.
  void meddle(unsigned number);
  /// From NULL to PLAYING: whether frames come.
  bool comes_to_life();
  std::vector<std::string> faults() const { return arrivals_->faults(); }

  /// Frames that passed the source in all walks, and have not been freed.
  static int frames_alive();

 private:
  static GstPadProbeReturn mark(GstPad*, GstPadProbeInfo* info, gpointer self);
  unsigned pick(unsigned count) { return static_cast<unsigned>(random_() % count); }
  GstElement* make_embed();
  bool is_playing();
  void set_state(GstState state);
  void seek(bool flush);
  void change_caps();
  void flush_inside();
  void send(GstEvent* event);
  void ask();
  void relink();
  void replace_playing();
  void replace_paused();
  void replace();
  void swap_gallery();

  std::mt19937 random_;
  std::atomic<unsigned> frame_{0};
  GstElement *pipeline_, *filter_, *embed_ = nullptr, *overlay_, *sink_;
  GstPad *before_, *behind_;
  std::unique_ptr<Arrivals> arrivals_;
};

}  // namespace gsttest
