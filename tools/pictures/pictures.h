// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "command_line/table_flags.h"
#include "embed/image_view.h"

/// What the commands need of image files, videos and face detection. A build without OpenCV has the same
/// functions (pictures_none.cpp): each says that it is not there.
namespace pictures {

/// A decoded picture with its pixels.
class Picture {
 public:
  Picture(std::shared_ptr<const void> owner, const embed::ImageView& view, std::string warning = {})
      : owner_(std::move(owner)), view_(view), warning_(std::move(warning)) {}
  /// Valid while a copy of this object lives.
  const embed::ImageView& view() const noexcept { return view_; }
  /// What its decoder complains of and could mend; empty for a sound file.
  const std::string& warning() const noexcept { return warning_; }

 private:
  std::shared_ptr<const void> owner_;
  embed::ImageView view_;
  std::string warning_;
};

/// Turned as people see it. What its decoder complains of and can mend is said on the standard error. More
/// than so many million pixels are read reduced where the format can, else refused; 0: no limit. Throws
/// embed::Error(NotFound | Io | Format | Unsupported) that names the file.
Picture load_picture(const std::string& path, int max_megapixels);

/// The same of a file's content, [size] bytes of the caller's; `name` is what errors call it. Says nothing.
Picture decode_picture(const std::uint8_t* bytes, std::size_t size, const std::string& name,
                       int max_megapixels);

/// A copy of a frame that outlives it, reduced where it is large: enough to look for faces in.
Picture small_copy(const embed::ImageView& frame);

/// Writes an image file of the kind that the extension names. Throws embed::Error(Io | Unsupported).
void save_picture(const std::string& path, const embed::ImageView& image);

/// Throws embed::Error(Unsupported) in a build that cannot read image files.
void require_pictures();

/// True for the file extensions that load_picture reads.
bool is_picture_path(const std::string& path);

struct FoundFace {
  embed::FaceRegion region;
  float confidence = 0;
};

/// Finds faces; not thread-safe.
class FaceFinder {
 public:
  /// From flags made of kDetectorOptions and kPictureOptions. Throws embed::Error.
  explicit FaceFinder(const command_line::TableFlags& flags);
  ~FaceFinder();
  FaceFinder(const FaceFinder&) = delete;
  FaceFinder& operator=(const FaceFinder&) = delete;

  /// What the stream would find, at one scale unless `scales` says 2: largest face first.
  std::vector<FoundFace> find(const embed::ImageView& image);
  /// As find, at two scales unless `scales` says 1; where that finds nothing in a small picture, once more on
  /// an enlarged copy with a black border, which detectors need for thumbnails and for faces that fill the
  /// picture. For stills that are known to show a face.
  std::vector<FoundFace> find_hard(const embed::ImageView& image);
  /// The faces in a copy of the picture that is turned clockwise by so many quarters, and reduced where it is
  /// large.
  std::vector<FoundFace> find_turned(const embed::ImageView& image, int quarters);
  /// One line: which detector, from which file.
  std::string description() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Loads a detector's model file and says in one line what it is. Throws embed::Error that names the file.
std::string describe_detector(const std::string& model_path);

/// Of several faces the one that a portrait is about: large and near the centre. `faces` must not be empty.
const FoundFace& main_face(const std::vector<FoundFace>& faces, const embed::ImageView& image);

/// A square box at the picture's centre, its side `fraction` of the shorter side: for tight pictures in which
/// no face was found.
embed::FaceRegion centre_box(const embed::ImageView& image, float fraction);

}  // namespace pictures
