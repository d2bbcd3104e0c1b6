// SPDX-License-Identifier: LGPL-2.1-or-later
// Many frames of many streams, and every second one of them gets another gallery: nothing may grow, get lost
// or change places.
#include <dirent.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>
#include <vector>

#include "streams_support.h"

namespace {

using gsttest::own;

constexpr int kStreams = 16;

int frames_of_all() {
  const char* text = std::getenv("SOAK_FRAMES");
  return text == nullptr ? 100'000 : std::atoi(text);
}

std::size_t resident_bytes() {
  std::size_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages >> pages;
  return pages * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

int open_files() {
  int count = 0;
  DIR* folder = opendir("/proc/self/fd");
  while (readdir(folder) != nullptr) ++count;
  closedir(folder);
  return count;
}

/// A gallery file whose content is exchanged for another person's while it is in use, once a second.
class Swaps {
 public:
  Swaps() {
    for (std::size_t i = 0; i < kPeople.size(); ++i) {
      const std::string made = fixtures::write_gallery(file_, gsttest::quick_weights_file(),
                                                       {{kPeople[i], fixtures::random_embedding(i)}});
      contents_.push_back(fixtures::read_bytes(made));
    }
  }
  const std::string& file() const { return file_; }
  int count() const { return count_; }
  /// Whether a frame may be that person's by now: the one whose gallery it is, or the one before, since
  /// streams take a new file within a second.
  bool may_be(const std::string& person) const {
    const auto number = static_cast<std::size_t>(count_) + kPeople.size() - 1;
    return person == kPeople[number % kPeople.size()] || person == kPeople[(number - 1) % kPeople.size()];
  }

  /// Where a second has gone by: makes the file another person's and calls `reopen`. Any thread.
  template <typename Reopen>
  void when_due(Reopen&& reopen) {
    const auto now = std::chrono::steady_clock::now();
    const std::unique_lock<std::mutex> lock(mutex_, std::try_to_lock);
    if (!lock || now < next_) return;
    next_ = now + std::chrono::seconds(1);
    fixtures::write_bytes(file_ + ".part", contents_[static_cast<std::size_t>(count_) % kPeople.size()]);
    ++count_;
    std::filesystem::rename(file_ + ".part", file_);
    reopen();
  }

 private:
  inline static const std::vector<std::string> kPeople = {"Ann", "Ben", "Cy"};
  std::string file_ = fixtures::temp_dir() + "/soak.safetensors";
  std::vector<std::vector<std::uint8_t>> contents_;
  std::mutex mutex_;
  std::chrono::steady_clock::time_point next_ = std::chrono::steady_clock::now() + std::chrono::seconds(1);
  std::atomic<int> count_{0};
};

/// Frames of a stream, and what became of them.
class Stream {
 public:
  Stream(const fixtures::Pixels& picture, Swaps& swaps, std::atomic<int>& alive)
      : harness_(gsttest::quick("gallery=" + swaps.file())), picture_(picture), swaps_(swaps), alive_(alive) {
    harness_.caps(gsttest::caps_text(picture));
  }

  /// Pushes frames [first, last), with none to three faces, and takes what has come out by then.
  void run(int first, int last) {
    for (int i = first; i < last; ++i) {
      GstBuffer* buffer = gsttest::make_buffer(picture_, i);
      for (int face = 0; face < i % 4; ++face) {
        gsttest::add_roi(buffer, "face", static_cast<guint>(10 + 30 * face), 10, 40, 40);
      }
      ++alive_;
      gst_mini_object_weak_ref(GST_MINI_OBJECT(buffer), freed, &alive_);
      if (gst_harness_push(harness_.get(), buffer) != GST_FLOW_OK) ++refused_;
      while (GstBuffer* out = gst_harness_try_pull(harness_.get())) take(out);
      swaps_.when_due([this, i] { reopen(i + 1); });
    }
  }
  /// The end of the stream: all that is still inside comes out.
  void finish(int frames) {
    gst_harness_push_event(harness_.get(), gst_event_new_eos());
    gsttest::soon([&] {
      while (GstBuffer* out = gst_harness_try_pull(harness_.get())) take(out);
      return next_ == frames;
    });
  }

  int next() const { return next_; }
  int refused() const { return refused_; }
  int misplaced() const { return misplaced_; }
  int unnamed() const { return unnamed_; }

 private:
  static void freed(gpointer alive, GstMiniObject*) { --*static_cast<std::atomic<int>*>(alive); }

  /// Ends the stream, reads the gallery again and begins another stream, with events of its own: a pad does
  /// not send one a second time.
  void reopen(int frames) {
    std::vector<GstEvent*> events;
    for (const GstEventType type : {GST_EVENT_STREAM_START, GST_EVENT_CAPS, GST_EVENT_SEGMENT})
      events.push_back(gst_event_make_writable(gst_pad_get_sticky_event(harness_.get()->srcpad, type, 0)));
    finish(frames);
    gst_element_set_state(harness_.element(), GST_STATE_READY);
    gst_element_set_state(harness_.element(), GST_STATE_PLAYING);
    for (GstEvent* event : events) gst_harness_push_event(harness_.get(), event);
    // The harness keeps all events for whoever asks for them.
    while (GstEvent* event = gst_harness_try_pull_event(harness_.get())) gst_event_unref(event);
    while (GstEvent* event = gst_harness_try_pull_upstream_event(harness_.get())) gst_event_unref(event);
  }

  void take(GstBuffer* out) {
    const auto buffer = own(out);
    misplaced_ += GST_BUFFER_PTS(out) != static_cast<GstClockTime>(next_) * 40 * GST_MSECOND;
    const auto faces = gsttest::faces_of(out, gsttest::kWidth, gsttest::kHeight);
    unnamed_ +=
        faces.size() != static_cast<std::size_t>(next_ % 4) ||
        std::any_of(faces.begin(), faces.end(), [this](const auto& face) {
          return !face.identity || !face.identity->embedding || !swaps_.may_be(face.identity->nearest);
        });
    ++next_;
  }

  gsttest::Harness harness_;
  const fixtures::Pixels& picture_;
  Swaps& swaps_;
  std::atomic<int>& alive_;
  int next_ = 0, refused_ = 0, misplaced_ = 0, unnamed_ = 0;
};

TEST(Soak, SixteenStreamsLeaveNothingBehindAndLoseNothing) {
  const fixtures::Pixels picture =
      fixtures::make_image(embed::PixelFormat::I420, gsttest::kWidth, gsttest::kHeight);
  const int frames = std::max(8, frames_of_all() / kStreams);
  std::atomic<int> alive{0};
  Swaps swaps;
  std::vector<std::unique_ptr<Stream>> streams;
  for (int i = 0; i < kStreams; ++i) streams.push_back(std::make_unique<Stream>(picture, swaps, alive));
  const auto run_all = [&](int first, int last) {
    std::vector<std::thread> threads;
    for (const auto& stream : streams) threads.emplace_back([&, first, last] { stream->run(first, last); });
    for (std::thread& thread : threads) thread.join();
  };
  // A quarter to warm up: pools, scratch buffers and the allocator's arenas reach their sizes.
  run_all(0, frames / 4);
  const std::size_t memory = resident_bytes();
  const int files = open_files();
  run_all(frames / 4, frames);
  const std::size_t grown = std::max(resident_bytes(), memory) - memory;
  std::printf(
      "%d frames, %d galleries: %.1f MB, grown by %.2f MB over the last three quarters; %d files open\n",
      frames * kStreams, swaps.count(), static_cast<double>(memory) / 1e6, static_cast<double>(grown) / 1e6,
      files);
  EXPECT_LE(grown, std::size_t{8'000'000});
  EXPECT_EQ(open_files(), files);
  for (const auto& stream : streams) stream->finish(frames);
  for (const auto& stream : streams) {
    EXPECT_EQ(stream->next(), frames);
    EXPECT_EQ(stream->refused(), 0);
    EXPECT_EQ(stream->misplaced(), 0);
    EXPECT_EQ(stream->unnamed(), 0);
  }
  streams.clear();
  EXPECT_EQ(alive, 0) << "buffers that nobody gave back";
}

}  // namespace
