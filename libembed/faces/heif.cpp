// SPDX-License-Identifier: LGPL-2.1-or-later
#include "faces/heif.h"

#include <libheif/heif.h>

#include <memory>

#include "embed/error.h"
#include "faces/picture_size.h"

namespace embed::faces {

namespace {

template <auto release>
struct Release {
  template <class T>
  void operator()(T* what) const {
    release(what);
  }
};
using Context = std::unique_ptr<heif_context, Release<heif_context_free>>;
using Handle = std::unique_ptr<heif_image_handle, Release<heif_image_handle_release>>;
using Pixels = std::unique_ptr<heif_image, Release<heif_image_release>>;
using Options = std::unique_ptr<heif_decoding_options, Release<heif_decoding_options_free>>;

/// What libheif says, in one line.
std::string words_of(const heif_error& error) {
  std::string words;
  for (const char* at = error.message; at != nullptr && *at != '\0'; ++at) words += *at == '\n' ? ' ' : *at;
  while (!words.empty() && words.back() == ' ') words.pop_back();
  return words;
}

void require(const heif_error& error, const std::string& path) {
  if (error.code == heif_error_Ok) return;
  const char* what = "the HEIC or AVIF picture cannot be decoded: ";
  if (error.code == heif_error_Invalid_input) what = "the HEIC or AVIF picture is damaged: ";
  if (error.subcode == heif_suberror_Unsupported_codec || error.code == heif_error_Plugin_loading_error)
    what = "libheif has no decoder for it here: ";
  throw Error(ErrorCode::Format, what + words_of(error), path);
}

/// BGR or, with alpha, BGRA.
cv::Mat as_opencv(const heif_image& image, bool alpha) {
  int stride = 0;
  const std::uint8_t* plane = heif_image_get_plane_readonly(&image, heif_channel_interleaved, &stride);
  const cv::Size size(heif_image_get_width(&image, heif_channel_interleaved),
                      heif_image_get_height(&image, heif_channel_interleaved));
  const int channels = alpha ? 4 : 3;
  cv::Mat out(size, CV_8UC(channels));
  for (int y = 0; y < size.height; ++y) {
    const std::uint8_t* in = plane + static_cast<std::ptrdiff_t>(y) * stride;
    std::uint8_t* pixel = out.ptr(y);
    for (int x = 0; x < size.width; ++x, in += channels, pixel += channels) {
      pixel[0] = in[2];
      pixel[1] = in[1];
      pixel[2] = in[0];
      if (alpha) pixel[3] = in[3];
    }
  }
  return out;
}

}  // namespace

bool reads_heif() {
  return true;
}

cv::Mat decode_heif(const std::vector<std::uint8_t>& bytes, const std::string& path,
                    std::int64_t max_pixels) {
  const Context context(heif_context_alloc());
  const Options options(heif_decoding_options_alloc());
  if (context == nullptr || options == nullptr)
    throw Error(ErrorCode::OutOfMemory, "no memory to decode it", path);
  require(heif_context_read_from_memory_without_copy(context.get(), bytes.data(), bytes.size(), nullptr),
          path);
  heif_image_handle* primary = nullptr;
  require(heif_context_get_primary_image_handle(context.get(), &primary), path);
  const Handle handle(primary);
  require_pixels(heif_image_handle_get_width(primary), heif_image_handle_get_height(primary), max_pixels,
                 path);
  const bool alpha = heif_image_handle_has_alpha_channel(primary) != 0;
  options->convert_hdr_to_8bit = 1;
  // Half a picture enrols half a face.
  options->strict_decoding = 1;
  heif_image* decoded = nullptr;
  require(
      heif_decode_image(primary, &decoded, heif_colorspace_RGB,
                        alpha ? heif_chroma_interleaved_RGBA : heif_chroma_interleaved_RGB, options.get()),
      path);
  const Pixels pixels(decoded);
  return as_opencv(*decoded, alpha);
}

}  // namespace embed::faces
