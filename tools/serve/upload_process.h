// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "embed/embedding.h"

namespace serve {

/// What became of a picture that a browser sent.
struct Upload {
  bool taken = false;
  std::string refusal;  ///< Else: "unreadable", "no-face", "several-faces" or "poor-face", …
  std::string why;      ///< … and the reason in words, for people.
  embed::Embedding embedding{};
  float quality = 0;  ///< 0 to 1.
  std::string crop;   ///< What the network saw of the face: the bytes of a PPM or PGM file.
};

/// Most bytes of a picture that is sent.
inline constexpr std::size_t kMostUpload = 25U << 20U;

/// Reads a picture in a process of its own, which may use one CPU for half a minute and a bounded memory, and
/// can open nothing new for writing: a decoder that is led astray by a picture harms nothing else. `weights`:
/// the network's file. Two run at a time, and further callers wait. What that process says is checked before
/// it is taken. Throws embed::Error(Io) where it cannot be started, and embed::Error(Unsupported) in a build
/// that cannot read pictures. Any thread.
Upload read_upload(const std::string& picture, const std::string& weights);

/// What runs in that process: the picture comes on the standard input, and the result leaves on the standard
/// output. Returns the exit status.
int upload_process(const std::string& weights);

}  // namespace serve
