// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "embed/model_info.h"

namespace training {

/// What the JSON beside a teacher's network says of it.
struct TeacherInfo {
  std::string name;    ///< Of the network, for people.
  std::string terms;   ///< Under which it may be used, for people.
  std::string sha256;  ///< Of the network's file, 64 hex digits.
  /// The picture that it takes, how bytes become its numbers, and how a face is cut for it.
  embed::InputSpec input;
};

/// A face network that a student learns from: pictures in, vectors out. Not thread-safe.
class Teacher {
 public:
  virtual ~Teacher() = default;
  virtual const TeacherInfo& info() const noexcept = 0;
  /// `pictures`: [count, height, width, channels] uint8, cut as info().input says; `vectors`: [count, 128]
  /// float32 as the network gives them, the caller's. Throws embed::Error(Format) that names the network's
  /// file when it cannot be run or gives numbers that are not finite.
  virtual void look(const std::uint8_t* pictures, std::size_t count, float* vectors) = 0;
};

/// Reads the JSON beside a network: `network` with ".json" in the place of its extension. Throws
/// embed::Error(NotFound | Io | Format) that names file and field, and Error(Mismatch) when the network's
/// checksum is another than the JSON's.
TeacherInfo read_teacher_info(const std::string& network);

/// `info` as JSON text for a file's metadata: name, terms, sha256.
std::string teacher_text(const TeacherInfo& info);

/// Cuts pictures that were cut for a student once more, for a teacher. Thread-safe.
class TeacherCut {
 public:
  /// `student`: size and crop rule of the student's pictures. Throws embed::Error(Mismatch) that names
  /// `teacher_file` when one cutting rule does not lead to the other.
  TeacherCut(const embed::InputSpec& student, const TeacherInfo& teacher, const std::string& teacher_file);

  std::size_t bytes() const noexcept;  ///< Of one picture for the teacher.
  /// `picture`: [height, width, channels] uint8 of the student's size; `out`: bytes() long, the caller's.
  void cut(const std::uint8_t* picture, std::uint8_t* out) const;

 private:
  embed::InputSpec student_, teacher_;
  embed::FaceRegion region_;
};

}  // namespace training
