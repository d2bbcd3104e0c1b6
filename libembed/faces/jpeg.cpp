// SPDX-License-Identifier: LGPL-2.1-or-later
#include "faces/jpeg.h"

#include <csetjmp>
#include <cstddef>
#include <cstdio>
// libjpeg's header uses size_t and FILE without including what declares them.
#include <jerror.h>
#include <jpeglib.h>

#include "embed/error.h"
#include "faces/exif.h"
#include "faces/picture_size.h"

namespace embed::faces {

namespace {

constexpr int kExif = JPEG_APP0 + 1;
constexpr unsigned kSmallest = 8;  ///< libjpeg decodes to a half, a quarter or an eighth.
/// A progressive picture's coefficients lie in memory as a whole, six bytes a pixel, whatever it is reduced
/// to.
constexpr std::int64_t kProgressiveShare = 4;

/// libjpeg's state, and what it had to say. Its callbacks get a pointer to the first member.
struct Decoder {
  jpeg_error_mgr errors;
  std::jmp_buf out;
  jpeg_decompress_struct info;
  bool lost_pixels;
  char first_warning[JMSG_LENGTH_MAX];
};

Decoder& decoder_of(j_common_ptr info) {
  return *reinterpret_cast<Decoder*>(info->err);
}

[[noreturn]] void on_error(j_common_ptr info) {
  std::longjmp(decoder_of(info).out, 1);
}

/// Negative levels are damage, the others are traces.
void on_message(j_common_ptr info, int level) {
  if (level >= 0) return;
  Decoder& decoder = decoder_of(info);
  if (info->err->num_warnings++ == 0) info->err->format_message(info, decoder.first_warning);
  switch (info->err->msg_code) {
    case JWRN_JPEG_EOF:
    case JWRN_HIT_MARKER:
    case JWRN_HUFF_BAD_CODE:
    case JWRN_MUST_RESYNC:
      decoder.lost_pixels = true;
      info->err->format_message(info, decoder.first_warning);
      break;
    default:
      break;
  }
}

void on_output(j_common_ptr) {}

/// What a step of libjpeg gives back: false where it refused, with its reason in the decoder's error manager.
/// Nothing with a destructor may live in a frame that longjmp leaves.
bool read_header(Decoder& decoder, const std::uint8_t* bytes, std::size_t size) {
  if (setjmp(decoder.out) != 0) return false;
  jpeg_create_decompress(&decoder.info);
  jpeg_mem_src(&decoder.info, bytes, static_cast<unsigned long>(size));
  jpeg_save_markers(&decoder.info, kExif, 0xFFFF);
  return jpeg_read_header(&decoder.info, TRUE) == JPEG_HEADER_OK;
}

bool start(Decoder& decoder, unsigned divisor) {
  if (setjmp(decoder.out) != 0) return false;
  jpeg_decompress_struct& info = decoder.info;
  info.scale_num = 1;
  info.scale_denom = divisor;
  if (info.num_components == 1) {
    info.out_color_space = JCS_GRAYSCALE;
  } else {
    info.out_color_space = info.num_components == 4 ? JCS_CMYK : JCS_EXT_BGR;
  }
  return jpeg_start_decompress(&info) == TRUE;
}

/// `first`: the first row of output_height rows, `step` bytes apart.
bool read_rows(Decoder& decoder, std::uint8_t* first, std::size_t step) {
  if (setjmp(decoder.out) != 0) return false;
  while (decoder.info.output_scanline < decoder.info.output_height) {
    JSAMPROW row = first + step * decoder.info.output_scanline;
    jpeg_read_scanlines(&decoder.info, &row, 1);
  }
  return jpeg_finish_decompress(&decoder.info) == TRUE;
}

/// Inks, stored the other way round as Adobe does, become BGR.
cv::Mat from_inks(const cv::Mat& inks) {
  cv::Mat picture(inks.size(), CV_8UC3);
  for (int y = 0; y < inks.rows; ++y) {
    const cv::Vec4b* in = inks.ptr<cv::Vec4b>(y);
    cv::Vec3b* out = picture.ptr<cv::Vec3b>(y);
    for (int x = 0; x < inks.cols; ++x) {
      for (int c = 0; c < 3; ++c) out[x][2 - c] = static_cast<std::uint8_t>(in[x][c] * in[x][3] / 255);
    }
  }
  return picture;
}

unsigned divisor_for(const jpeg_decompress_struct& info, const std::string& path, std::int64_t max_pixels) {
  const auto width = static_cast<std::int64_t>(info.image_width);
  const auto height = static_cast<std::int64_t>(info.image_height);
  if (info.progressive_mode == TRUE) require_pixels(width, height, kProgressiveShare * max_pixels, path);
  unsigned divisor = 1;
  const auto reduced = [&](std::int64_t side) { return (side + divisor - 1) / divisor; };
  while (max_pixels > 0 && divisor < kSmallest && reduced(width) * reduced(height) > max_pixels) divisor *= 2;
  require_pixels(reduced(width), reduced(height), max_pixels, path);
  return divisor;
}

}  // namespace

DecodedJpeg decode_jpeg(const std::vector<std::uint8_t>& bytes, const std::string& path,
                        std::int64_t max_pixels) {
  Decoder decoder{};
  decoder.info.err = jpeg_std_error(&decoder.errors);
  decoder.errors.error_exit = on_error;
  decoder.errors.emit_message = on_message;
  decoder.errors.output_message = on_output;
  struct Cleanup {
    jpeg_decompress_struct& info;
    ~Cleanup() { jpeg_destroy_decompress(&info); }
  } const cleanup{decoder.info};
  const auto refuse = [&] {
    char why[JMSG_LENGTH_MAX];
    decoder.errors.format_message(reinterpret_cast<j_common_ptr>(&decoder.info), why);
    throw Error(ErrorCode::Format, std::string("not an image that can be decoded (") + why + ")", path);
  };
  if (!read_header(decoder, bytes.data(), bytes.size())) refuse();
  DecodedJpeg result;
  for (jpeg_saved_marker_ptr mark = decoder.info.marker_list; mark != nullptr; mark = mark->next) {
    if (mark->marker != kExif || mark->data_length < 6 || mark->data[0] != 'E') continue;
    result.orientation = exif_orientation(mark->data, mark->data_length);
  }
  if (!start(decoder, divisor_for(decoder.info, path, max_pixels))) refuse();
  result.picture.create(static_cast<int>(decoder.info.output_height),
                        static_cast<int>(decoder.info.output_width), CV_8UC(decoder.info.output_components));
  if (!read_rows(decoder, result.picture.data, result.picture.step[0])) refuse();
  if (decoder.lost_pixels) {
    throw Error(ErrorCode::Format,
                std::string("the JPEG image is truncated or damaged: ") + decoder.first_warning, path);
  }
  if (decoder.errors.num_warnings != 0) result.warning = decoder.first_warning;
  if (result.picture.channels() == 4) result.picture = from_inks(result.picture);
  return result;
}

}  // namespace embed::faces
