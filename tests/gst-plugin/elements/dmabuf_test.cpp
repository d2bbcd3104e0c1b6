// SPDX-License-Identifier: LGPL-2.1-or-later
// Frames in dma-buf memory with the padding of a hardware decoder: mapped for reading, and not copied. A file
// in memory, which the allocator takes as it takes a driver's buffer, stands for the driver's.
#include <fcntl.h>
#include <gst/allocators/gstdmabuf.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>

#include "gst_support.h"

namespace {

using gsttest::own;

constexpr int kWidth = 1920, kHeight = 1080;
// Decoders round both up.
constexpr int kStride = 2048, kRows = 1088;

/// Dma-buf memory that can be mapped for reading alone.
GstMemory* dmabuf(const std::string& bytes) {
  const int writable = memfd_create("frame", MFD_CLOEXEC);
  EXPECT_EQ(write(writable, bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  const std::string path = "/proc/self/fd/" + std::to_string(writable);
  const int read_only = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  close(writable);
  EXPECT_GE(read_only, 0);
  GstAllocator* allocator = gst_dmabuf_allocator_new();
  GstMemory* memory = gst_dmabuf_allocator_alloc(allocator, read_only, bytes.size());
  gst_object_unref(allocator);
  return memory;
}

/// One plane, its rows `kStride` apart and rows beneath them, which hold what is no picture.
std::string padded(const std::uint8_t* rows, std::ptrdiff_t stride, int height) {
  std::string bytes(static_cast<std::size_t>(kStride) * (height == kHeight ? kRows : kRows / 2), '\xA5');
  for (int y = 0; y < height; ++y)
    std::memcpy(&bytes[static_cast<std::size_t>(y) * kStride], rows + y * stride, kWidth);
  return bytes;
}

/// An NV12 frame as a decoder hands it out, in one memory or in one for each plane.
GstBuffer* decoded(const fixtures::Pixels& picture, bool a_memory_each) {
  const std::string luma = padded(picture.planes[0].data(), picture.strides[0], kHeight);
  const std::string chroma = padded(picture.planes[1].data(), picture.strides[1], kHeight / 2);
  GstBuffer* buffer = gst_buffer_new();
  if (a_memory_each) {
    gst_buffer_append_memory(buffer, dmabuf(luma));
    gst_buffer_append_memory(buffer, dmabuf(chroma));
  } else {
    gst_buffer_append_memory(buffer, dmabuf(luma + chroma));
  }
  gsize offsets[GST_VIDEO_MAX_PLANES] = {0, luma.size()};
  gint strides[GST_VIDEO_MAX_PLANES] = {kStride, kStride};
  gst_buffer_add_video_meta_full(buffer, GST_VIDEO_FRAME_FLAG_NONE, GST_VIDEO_FORMAT_NV12, kWidth, kHeight, 2,
                                 offsets, strides);
  GST_BUFFER_PTS(buffer) = 0;
  return buffer;
}

/// What the elements make of the picture's decoded frame must be what they make of it in plain memory.
/// Returns the number of faces.
std::size_t expect_the_same(const std::string& launch, const fixtures::Pixels& picture) {
  gsttest::Harness harness(launch);
  harness.caps(gsttest::caps_text(picture));
  const auto plain = own(harness.push(gsttest::make_buffer(picture)));
  if (!plain) throw std::runtime_error("no frame came out of " + launch);
  const auto expected = gsttest::faces_of(plain.get(), kWidth, kHeight);
  for (const bool a_memory_each : {false, true}) {
    GstBuffer* in = decoded(picture, a_memory_each);
    std::vector<GstMemory*> memories;
    for (guint i = 0; i < gst_buffer_n_memory(in); ++i) memories.push_back(gst_buffer_peek_memory(in, i));
    const auto out = own(harness.push(in));
    if (!out) throw std::runtime_error("no decoded frame came out of " + launch);
    EXPECT_EQ(gst_buffer_n_memory(out.get()), memories.size());
    for (guint i = 0; i < gst_buffer_n_memory(out.get()); ++i) {
      EXPECT_EQ(gst_buffer_peek_memory(out.get(), i), memories.at(i)) << "the frame was copied";
      EXPECT_TRUE(gst_is_dmabuf_memory(gst_buffer_peek_memory(out.get(), i)));
    }
    const auto faces = gsttest::faces_of(out.get(), kWidth, kHeight);
    EXPECT_EQ(faces.size(), expected.size());
    for (std::size_t i = 0; i < std::min(faces.size(), expected.size()); ++i) {
      EXPECT_EQ(faces[i].box.x, expected[i].box.x);
      EXPECT_EQ(faces[i].box.width, expected[i].box.width);
      if (!faces[i].identity || !faces[i].identity->embedding) throw std::runtime_error("no embedding");
      EXPECT_EQ(faces[i].identity->embedding, expected[i].identity->embedding);
    }
  }
  return expected.size();
}

TEST(DmaBuf, IsReadWhereItLies) {
  const auto picture = fixtures::make_image(embed::PixelFormat::Nv12, kWidth, kHeight);
  EXPECT_EQ(expect_the_same("tripletembed device=cpu precision=fp32 inference-region=full-frame model=" +
                                gsttest::quick_weights_file(),
                            picture),
            1U);
}

/// The clip's first frame, blown up to the size of the test's.
fixtures::Pixels first_frame(const std::string& clip) {
  const std::string raw = fixtures::temp_dir() + "/frame.nv12";
  const auto said = gsttest::run_pipeline(
      "filesrc location=" + clip + " ! decodebin ! identity eos-after=2 ! videoconvert ! videoscale " +
      "! video/x-raw,format=NV12,width=1920,height=1080,pixel-aspect-ratio=1/1 ! filesink location=" + raw);
  EXPECT_TRUE(said.empty()) << said.at(0);
  const auto bytes = fixtures::read_bytes(raw);
  auto picture = fixtures::make_image(embed::PixelFormat::Nv12, kWidth, kHeight);
  if (bytes.size() < std::size_t{kWidth} * kHeight * 3 / 2) throw std::runtime_error("no frame of " + clip);
  std::memcpy(picture.planes[0].data(), bytes.data(), std::size_t{kWidth} * kHeight);
  std::memcpy(picture.planes[1].data(), &bytes[std::size_t{kWidth} * kHeight],
              std::size_t{kWidth} * kHeight / 2);
  return picture;
}

TEST(DmaBuf, FacesAreFoundAndEmbeddedThere) {
  const auto data = fixtures::data_dir();
  if (!data) GTEST_SKIP() << "TRIPLETEMBED_DATA names no folder of real data";
  GstElementFactory* detect = gst_element_factory_find("tripletdetect");
  if (detect == nullptr) GTEST_SKIP() << "built without detection";
  gst_object_unref(detect);
  const auto picture = first_frame(*data + "/video/carphone_pristine.mp4");
  const std::string launch = "tripletdetect detector=yunet model=" + *data +
                             "/models/face_detection_yunet_2023mar.onnx ! triplettrack ! tripletembed " +
                             "device=cpu precision=fp32 model=" + gsttest::quick_weights_file();
  EXPECT_EQ(expect_the_same(launch, picture), 1U);
}

}  // namespace
