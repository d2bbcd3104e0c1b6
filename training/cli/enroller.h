// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "cli/enroll_clip.h"
#include "cli/face_cropper.h"
#include "cli/flags.h"
#include "cli/network.h"
#include "embed/error.h"
#include "embed/gallery.h"

namespace training::cli {

/// The flags of triplet-train enroll.
struct EnrollOptions {
  std::string weights, gallery, folder, video, name, direction = "auto";
  std::vector<std::string> images;
  std::size_t most = 20, every = 5;
  int smallest_face = 32;
  float min_quality = 0.05F;
  double seconds = 0;
  bool append = false, replace = false, skip_bad = false;
  TableFlags embedder, detector;
};

/// A gallery's names are text. An empty gallery says which it takes, before a picture is looked at. Throws
/// embed::Error(InvalidArgument) that begins with `where`.
void require_name(const std::string& name, const std::string& where);

/// Adds people to a gallery. What cannot be used is an error that names its file, or with --skip-bad said and
/// left out.
class Enroller {
 public:
  /// `options` must outlive this. Throws embed::Error.
  explicit Enroller(const EnrollOptions& options);

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
  bool good_enough(const embed::FaceQuality& quality, const std::string& path) const;
  void say_faceless(const std::vector<std::string>& paths);
  void keep_good(const std::string& shown, ClipFaces& faces) const;
  void tell_of_others(const ClipFaces& faces) const;
  void tell_of_second_person(const ClipFaces& faces, const std::vector<embed::Embedding>& embeddings) const;
  bool has_row(const std::string& name, const embed::Embedding& embedding) const;
  /// `rows`: how each embedding came here.
  void add(const std::string& name, const std::vector<embed::Embedding>& embeddings,
           const std::vector<embed::Enrolment>& rows, std::size_t looked_at, const char* what,
           double outliers);

  const EnrollOptions& options_;
  Network embedder_;
  FaceCropper cropper_;
  embed::Gallery gallery_;
  std::size_t people_ = 0;
};

}  // namespace training::cli
