// SPDX-License-Identifier: LGPL-2.1-or-later
#include "video/video_source.h"

#include <gst/gst.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <fstream>

#include "embed/address.h"
#include "embed/error.h"

namespace video {

namespace {

using embed::Error;
using embed::ErrorCode;

/// The kernel's number of video devices (Documentation/admin-guide/devices.txt).
constexpr unsigned kVideoDevices = 81;

/// Walks over the parts of the file, each with its length before it. Their demuxers play what is there and
/// say nothing.
bool is_cut_file(const std::string& path, std::uint64_t size) {
  std::ifstream file(path, std::ios::binary);
  std::array<unsigned char, 16> head{};
  const auto number = [&](std::size_t at, std::size_t count) {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < count; ++i) value = value << 8U | head[at + i];
    return value;
  };
  const auto read_at = [&](std::uint64_t at) {
    head = {};
    return file.seekg(static_cast<std::streamoff>(at)) && file.read(reinterpret_cast<char*>(head.data()), 16);
  };
  if (!read_at(0)) return false;
  if (std::memcmp(head.data(), "RIFF", 4) == 0) {
    const std::uint64_t length =
        head[4] | head[5] << 8U | head[6] << 16U | static_cast<std::uint64_t>(head[7]) << 24U;
    return length + 8 > size;
  }
  if (std::memcmp(head.data() + 4, "ftyp", 4) != 0) return false;
  constexpr std::uint64_t kLong = 1, kToTheEnd = 0, kLeast = 8;
  for (std::uint64_t at = 0; at < size && read_at(at);) {
    const std::uint64_t length = number(0, 4) == kLong ? number(8, 8) : number(0, 4);
    if (length == kToTheEnd) return false;
    if (length < kLeast || length > size - at) return true;
    at += length;
  }
  return false;
}

}  // namespace

VideoSource video_source(const std::string& source) {
  VideoSource found;
  found.shown = embed::public_address(source);
  if (source.find("://") != std::string::npos) {
    found.uri = source;
    if (!gst_uri_is_valid(source.c_str())) throw Error(ErrorCode::InvalidArgument, "not a URL", found.shown);
    return found;
  }
  struct stat status {};
  if (stat(source.c_str(), &status) != 0) {
    if (errno == ENOENT || errno == ENOTDIR)
      throw Error(ErrorCode::NotFound, "no such file or device", source);
    throw Error(ErrorCode::Io, std::strerror(errno), source);
  }
  if (S_ISDIR(status.st_mode)) throw Error(ErrorCode::Io, "a folder, not a video", source);
  if (S_ISCHR(status.st_mode) && major(status.st_rdev) == kVideoDevices) {
    found.uri = "v4l2://" + source;
    return found;
  }
  if (!S_ISREG(status.st_mode)) {
    throw Error(ErrorCode::Io,
                "not a regular file and not a camera (a pipe or another device); a video file, "
                "/dev/videoN or a URL expected",
                source);
  }
  if (status.st_size == 0) throw Error(ErrorCode::Format, "the file is empty, not a video", source);
  GError* failure = nullptr;
  gchar* uri = gst_filename_to_uri(source.c_str(), &failure);
  if (uri == nullptr) {
    const std::string why = failure != nullptr ? failure->message : "its name cannot be made a URL";
    g_clear_error(&failure);
    throw Error(ErrorCode::Io, why, source);
  }
  found.uri = uri;
  found.is_file = true;
  found.is_cut = is_cut_file(source, static_cast<std::uint64_t>(status.st_size));
  g_free(uri);
  return found;
}

}  // namespace video
