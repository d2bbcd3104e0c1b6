// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "embed/image_view.h"

/// Reading video through GStreamer, as the stream does: the same demuxers and decoders, and turned as a
/// player would show it. A build without GStreamer has the same functions (no_video.cpp): each says that it
/// is not there.
namespace video {

struct VideoOptions {
  /// How frames are turned: "auto" heeds the file's own `image-orientation`; else one of videoflip's
  /// directions
  /// ("identity", "90r", "180", "90l", "horiz", "vert", "ul-lr", "ur-ll").
  std::string direction = "auto";
  /// Ends after so many seconds of video. 0: a file's end; a camera or stream that does not say how long it
  /// is ends after kSecondsOfEndless.
  double seconds = 0;
  /// The longest that is waited for a frame, in seconds.
  double patience = 20;
};

/// What is read of a camera or a stream without an end.
constexpr double kSecondsOfEndless = 30;

/// A video file, camera ("/dev/video0") or URL, frame by frame. Each frame has square pixels and is turned as
/// people see it. Not thread-safe.
class Video {
 public:
  /// Starts to read. Throws Error(NotFound | Io | Format | InvalidArgument | Unsupported) that names the
  /// source as public_address shows it.
  explicit Video(const std::string& source, const VideoOptions& options = {});
  ~Video();
  Video(const Video&) = delete;
  Video& operator=(const Video&) = delete;

  /// The next whole frame in BGR, valid until the next call; false at the end. Throws Error(NotFound | Io |
  /// Format) that names the source and the second: where it cannot be decoded, where it ends before the
  /// length that the file says, and where no frame comes for so long as the options say.
  bool next(embed::ImageView& frame);

  /// Of the frame that next() gave last, from the start of the video.
  double seconds() const noexcept;
  /// The second at which it will end; 0 where nobody knows. Known once next() gave a frame.
  double end() const noexcept;
  /// Frames that next() left out so far because the decoder says that they are damaged.
  std::size_t damaged() const noexcept;
  /// The second of the first of them.
  double first_damaged() const noexcept;
  /// True for a camera or stream without an end; known once next() gave a frame.
  bool endless() const noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace video
