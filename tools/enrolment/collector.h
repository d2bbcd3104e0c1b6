// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "enrolment/enrol_picture.h"
#include "enrolment/people_folder.h"

namespace command_line {
class Progress;
}

namespace enrolment {

/// Which faces of photographs and clips are taken.
struct CollectOptions {
  FaceRule face;
  face_reader::ClipOptions clip;
  std::size_t most = 20;        ///< Of more faces of a person, so many that differ most.
  bool take_cut_clips = false;  ///< What a cut or damaged clip shows is taken, and the damage noted.
};

/// What was to be enrolled and is not.
struct Refused {
  std::string input;   ///< The file, folder or name.
  std::string reason;  ///< As to_string(Refusal) says; "name", "nobody", "missing" or "foreign" else.
  std::string why;     ///< In words.
};

/// Hears what happens as it happens.
class Listener {
 public:
  virtual ~Listener() = default;
  virtual void refused(const Refused& what) = 0;
  /// Something that a user should know, and that keeps nothing from being enrolled.
  virtual void note(const std::string& text) = 0;
};

/// What is to be enrolled of one person.
struct Candidate {
  std::string name;                 ///< As embed::person_name() makes it.
  bool of_clip = false;             ///< Looked at frames rather than images.
  std::size_t looked_at = 0;        ///< So many images or frames.
  std::size_t faces = 0;            ///< In which so many faces were good enough.
  std::vector<FaceRow> rows;        ///< Of which these were chosen.
  std::vector<std::string> unread;  ///< Sources, as rows have them, of images that could not be read.
};

/// Makes candidates for rows of photographs and clips. What cannot be used is told to the listener. Not
/// thread-safe.
class Collector {
 public:
  /// All must outlive this.
  Collector(face_reader::FaceReader& reader, const CollectOptions& options, Listener& listener);

  /// A folder in which each person has one. Throws as read_people_folder() does.
  void add_folder(const std::string& folder);
  /// Images of one person, whose name is valid.
  void add_images(const std::string& name, const std::vector<std::string>& paths);
  /// A clip, camera or stream that shows one person.
  void add_clip(const std::string& name, const std::string& clip);

  /// Everybody who was looked for, also those of whom nothing was found.
  const std::vector<Candidate>& people() const noexcept { return people_; }
  /// What add_folder() found beside the pictures.
  const PeopleFolder& folder() const noexcept { return folder_; }

 private:
  void note_folder() const;
  void refuse(const std::string& input, const std::string& reason, const std::string& why) const;
  void add_person(const std::string& name, const std::vector<std::string>& paths, const std::string& where,
                  command_line::Progress& progress);
  std::string refusal_of(const std::string& path, const PictureRows& picture);
  bool look_through(const std::string& clip, const std::string& shown, face_reader::ClipFaces& faces) const;
  bool one_face_each(const std::string& shown, const std::string& name,
                     const face_reader::ClipFaces& faces) const;
  bool keep_good(const std::string& shown, face_reader::ClipFaces& faces) const;
  void note_second_person(const std::string& shown, const std::string& name,
                          const face_reader::ClipFaces& faces,
                          const std::vector<embed::Embedding>& embeddings) const;
  /// Keeps the rows that differ most.
  void add(Candidate candidate, double outliers);

  face_reader::FaceReader& reader_;
  const CollectOptions& options_;
  Listener& listener_;
  PeopleFolder folder_;
  std::vector<Candidate> people_;
};

/// Throws embed::Error(InvalidArgument) that begins with `where` for what cannot be a person's name.
void require_name(const std::string& name, const std::string& where);

}  // namespace enrolment
