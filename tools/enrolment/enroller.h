// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "embed/error.h"
#include "embed/gallery.h"
#include "enrolment/enrol_picture.h"
#include "enrolment/people_folder.h"

namespace enrolment {

/// The flags of triplet-gallery enroll.
struct EnrollOptions {
  std::string gallery, folder, video, name;
  std::vector<std::string> images;
  std::size_t most = 20;
  FaceRule face;
  face_reader::ClipOptions clip;
  bool append = false, replace = false, skip_bad = false;
};

/// A gallery's names are text. An empty gallery says which it takes, before a picture is looked at. Throws
/// embed::Error(InvalidArgument) that begins with `where`.
void require_name(const std::string& name, const std::string& where);

/// Adds people to a gallery. What cannot be used is an error that names its file, or with --skip-bad said and
/// left out.
class Enroller {
 public:
  /// `options` and `reader` must outlive this. Throws embed::Error.
  Enroller(const EnrollOptions& options, face_reader::FaceReader& reader);

  void enroll_folder();
  /// `where`: what the message names when no picture shows a face.
  void enroll_images(const std::string& name, const std::vector<std::string>& paths,
                     const std::string& where);
  void enroll_video();
  /// Throws embed::Error when nothing could be enrolled.
  void save() const;

 private:
  bool takes(const std::string& name) const;
  void refuse_or_say(const embed::Error& error) const;
  void say_faceless(const std::vector<std::string>& paths);
  void say_skipped(const PeopleFolder& folder) const;
  void keep_good(const std::string& shown, face_reader::ClipFaces& faces) const;
  void tell_of_others(const face_reader::ClipFaces& faces) const;
  void tell_of_second_person(const face_reader::ClipFaces& faces,
                             const std::vector<embed::Embedding>& embeddings) const;
  bool has_row(const std::string& name, const embed::Embedding& embedding) const;
  /// `rows`: how each embedding came here.
  void add(const std::string& name, const std::vector<embed::Embedding>& embeddings,
           const std::vector<embed::Enrolment>& rows, std::size_t looked_at, const char* what,
           double outliers);

  const EnrollOptions& options_;
  face_reader::FaceReader& reader_;
  embed::Gallery gallery_;
  std::size_t people_ = 0;
};

}  // namespace enrolment
