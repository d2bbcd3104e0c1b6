// SPDX-License-Identifier: LGPL-2.1-or-later
// GstVideoMetas that say something else of a frame than its memory and its caps do, on memory that lies
// between two pages which nobody may touch.
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <random>

#include "embed/shared_embedder.h"
#include "gst_support.h"

namespace {

constexpr int kWidth = 64;
constexpr int kHeight = 48;

/// Memory of `size` bytes with a forbidden page right before its first or right behind its last byte, and
/// another one at most a page away on the other side.
class Guarded {
 public:
  Guarded(std::size_t size, bool at_end) {
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    const std::size_t room = (size + page - 1) / page * page;
    length_ = room + 2 * page;
    all_ = static_cast<std::uint8_t*>(
        mmap(nullptr, length_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    if (all_ == MAP_FAILED) throw std::bad_alloc();
    mprotect(all_, page, PROT_NONE);
    mprotect(all_ + page + room, page, PROT_NONE);
    data_ = all_ + page + (at_end ? room - size : 0);
    memory_ = gst_memory_new_wrapped(static_cast<GstMemoryFlags>(0), data_, size, 0, size, this,
                                     [](gpointer self) { delete static_cast<Guarded*>(self); });
  }
  ~Guarded() { munmap(all_, length_); }
  Guarded(const Guarded&) = delete;
  Guarded& operator=(const Guarded&) = delete;
  GstMemory* memory() const { return memory_; }
  std::uint8_t* data() const { return data_; }

 private:
  std::size_t length_ = 0;
  std::uint8_t *all_ = nullptr, *data_ = nullptr;
  GstMemory* memory_ = nullptr;
};

/// What a GstVideoMeta says.
struct Layout {
  const char* name = "";
  int format = GST_VIDEO_FORMAT_I420;  // Or a number that is no format's.
  guint width = kWidth, height = kHeight, planes = 3;
  gsize offsets[GST_VIDEO_MAX_PLANES] = {0, kWidth* kHeight, kWidth* kHeight * 5 / 4, 0};
  gint strides[GST_VIDEO_MAX_PLANES] = {kWidth, kWidth / 2, kWidth / 2, 0};
};

constexpr std::size_t kSize = kWidth * kHeight * 3 / 2;

/// A frame with a face whose meta is that. The buffer's memory goes with the buffer.
GstBuffer* frame_of(const Layout& layout, std::size_t size, bool at_end) {
  auto* guarded = new Guarded(size, at_end);
  std::memset(guarded->data(), 90, size);
  GstBuffer* buffer = gst_buffer_new();
  gst_buffer_append_memory(buffer, guarded->memory());
  GstVideoMeta* meta =
      gst_buffer_add_video_meta(buffer, GST_VIDEO_FRAME_FLAG_NONE, GST_VIDEO_FORMAT_I420, kWidth, kHeight);
  std::memcpy(&meta->format, &layout.format, sizeof meta->format);
  meta->width = layout.width;
  meta->height = layout.height;
  meta->n_planes = layout.planes;
  std::copy(std::begin(layout.offsets), std::end(layout.offsets), meta->offset);
  std::copy(std::begin(layout.strides), std::end(layout.strides), meta->stride);
  gsttest::add_roi(buffer, "face", 8, 8, 30, 30, 1);
  GST_BUFFER_PTS(buffer) = 0;
  return buffer;
}

/// The elements that look at pixels.
std::vector<std::string> elements() {
  std::vector<std::string> all{"tripletembed name=e precision=fp32 model=" + gsttest::quick_weights_file(),
                               "tripletoverlay name=e"};
  if (GstElementFactory* detect = gst_element_factory_find("tripletdetect")) {
    all.emplace_back("tripletdetect name=e detector=haar");
    gst_object_unref(detect);
  }
  return all;
}

std::string caps() {
  return gsttest::caps_text(embed::PixelFormat::I420, kWidth, kHeight);
}

class VideoMeta : public ::testing::Test {
 protected:
  VideoMeta()
      : fatal_(g_log_set_always_fatal(static_cast<GLogLevelFlags>(G_LOG_FATAL_MASK | G_LOG_LEVEL_CRITICAL))) {
  }
  ~VideoMeta() override { g_log_set_always_fatal(fatal_); }

 private:
  GLogLevelFlags fatal_;
  // So that each element finds the model loaded.
  std::shared_ptr<embed::SharedEmbedder> model_ =
      embed::share_embedder(gsttest::quick_weights_file(), {"auto", "fp32", 16});
};

std::vector<Layout> contradictions() {
  std::vector<Layout> all;
  const auto add = [&all](const char* name, auto change) {
    Layout layout;
    layout.name = name;
    change(layout);
    all.push_back(layout);
  };
  add("a stride too long by one", [](Layout& l) { ++l.strides[2]; });
  add("a huge stride", [](Layout& l) { l.strides[0] = G_MAXINT; });
  add("the least stride", [](Layout& l) { l.strides[0] = G_MININT; });
  add("a negative stride from the top row", [](Layout& l) { l.strides[0] = -kWidth; });
  add("a negative stride one byte too early", [](Layout& l) {
    l.offsets[0] = kWidth * (kHeight - 1) - 1;
    l.strides[0] = -kWidth;
  });
  add("an offset too large by one", [](Layout& l) { ++l.offsets[2]; });
  add("an offset behind the memory", [](Layout& l) { l.offsets[1] = kSize; });
  add("an offset without end", [](Layout& l) { l.offsets[1] = G_MAXSIZE; });
  add("a wider frame", [](Layout& l) { l.width = 4 * kWidth; });
  add("a higher frame", [](Layout& l) { l.height = 2 * kHeight; });
  add("a narrower frame", [](Layout& l) { l.width = kWidth / 2; });
  add("a lower frame", [](Layout& l) { l.height = 1; });
  add("the greatest frame", [](Layout& l) { l.width = l.height = G_MAXUINT; });
  add("another format", [](Layout& l) { l.format = GST_VIDEO_FORMAT_BGRx; });
  add("no format", [](Layout& l) { l.format = GST_VIDEO_FORMAT_UNKNOWN; });
  add("a format that there is not", [](Layout& l) { l.format = 9999; });
  add("a negative format", [](Layout& l) { l.format = -9; });
  add("other planes", [](Layout& l) { l.planes = 1; });
  return all;
}

TEST_F(VideoMeta, WhatContradictsMemoryOrCapsIsAnError) {
  for (const std::string& launch : elements()) {
    for (const Layout& layout : contradictions()) {
      gsttest::Harness harness(launch);
      gsttest::Bus bus(harness.element());
      harness.caps(caps());
      EXPECT_EQ(gst_harness_push(harness.get(), frame_of(layout, kSize, true)), GST_FLOW_ERROR)
          << launch << ": " << layout.name;
      const auto message = bus.pop(GST_MESSAGE_ERROR, 10 * GST_SECOND);
      ASSERT_TRUE(message) << launch << ": " << layout.name;
      GError* error = nullptr;
      gst_message_parse_error(message.get(), &error, nullptr);
      EXPECT_TRUE(error->domain == GST_STREAM_ERROR || error->domain == GST_RESOURCE_ERROR) << error->message;
      EXPECT_NE(std::string(error->message).find("frame's"), std::string::npos) << error->message;
      g_error_free(error);
    }
  }
}

TEST_F(VideoMeta, WhatFitsToTheByteIsTaken) {
  Layout plain, upside_down;
  for (int plane = 0; plane < 3; ++plane) {
    const int rows = plane == 0 ? kHeight : kHeight / 2;
    upside_down.offsets[plane] += static_cast<gsize>(upside_down.strides[plane] * (rows - 1));
    upside_down.strides[plane] *= -1;
  }
  for (const std::string& launch : elements()) {
    for (const Layout& layout : {plain, upside_down}) {
      for (const bool at_end : {false, true}) {
        gsttest::Harness harness(launch);
        harness.caps(caps());
        EXPECT_TRUE(gsttest::own(harness.push(frame_of(layout, kSize, at_end)))) << launch;
      }
    }
  }
}

TEST_F(VideoMeta, APlaneThatRunsIntoTheNextMemoryIsAnError) {
  Layout layout;
  GstBuffer* buffer = frame_of(layout, kSize - kWidth, true);
  gst_buffer_append_memory(buffer, (new Guarded(kWidth, true))->memory());
  gsttest::Harness harness(elements().at(0));
  harness.caps(caps());
  EXPECT_EQ(gst_harness_push(harness.get(), buffer), GST_FLOW_ERROR) << "the planes are mapped one by one";
}

TEST_F(VideoMeta, NothingThatItSaysIsReadOrWrittenOutsideTheMemory) {
  const gint strides[] = {0,          1,          kWidth / 2,   kWidth - 1, kWidth,
                          kWidth + 1, 2 * kWidth, 100 * kWidth, G_MAXINT};
  std::mt19937 random(5);
  const auto pick = [&random](auto count) {
    return static_cast<std::size_t>(random() % static_cast<unsigned>(count));
  };
  int taken = 0, refused = 0;
  for (const std::string& launch : elements()) {
    gsttest::Harness harness(launch);
    harness.caps(caps());
    for (int i = 0; i < 300; ++i) {
      Layout layout;
      for (int plane = 0; plane < 3; ++plane) {
        if (pick(3) == 0) layout.strides[plane] = strides[pick(std::size(strides))] * (pick(2) == 0 ? 1 : -1);
        if (pick(3) == 0) layout.offsets[plane] = pick(kSize + 2);
      }
      if (pick(8) == 0) layout.width += pick(100);
      if (pick(8) == 0) layout.height += pick(100);
      const GstFlowReturn flow =
          gst_harness_push(harness.get(), frame_of(layout, kSize + pick(3) * kSize, pick(2) == 0));
      EXPECT_TRUE(flow == GST_FLOW_OK || flow == GST_FLOW_ERROR);
      ++(flow == GST_FLOW_OK ? taken : refused);
    }
  }
  EXPECT_GT(taken, 100);
  EXPECT_GT(refused, 100);
}

}  // namespace
