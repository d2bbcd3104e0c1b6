// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "embed/image_view.h"
#include "flags.h"

/// What the commands need of image files, videos and face detection. A build without OpenCV has the same
/// functions (pictures_none.cpp): each says that it is not there.
namespace training::cli {

/// A decoded picture with its pixels.
class Picture {
 public:
  Picture(std::shared_ptr<const void> owner, const embed::ImageView& view)
      : owner_(std::move(owner)), view_(view) {}
  /// Valid while a copy of this object lives.
  const embed::ImageView& view() const noexcept { return view_; }

 private:
  std::shared_ptr<const void> owner_;
  embed::ImageView view_;
};

/// Throws embed::Error(NotFound | Io | Format | Unsupported) that names the file.
Picture load_picture(const std::string& path);

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
  /// From flags made of kDetectorOptions. Throws embed::Error.
  explicit FaceFinder(const TableFlags& flags);
  ~FaceFinder();
  FaceFinder(const FaceFinder&) = delete;
  FaceFinder& operator=(const FaceFinder&) = delete;

  /// What the stream would find: largest face first.
  std::vector<FoundFace> find(const embed::ImageView& image);
  /// As find; where that finds nothing in a small picture, once more on an enlarged copy with a black border,
  /// which detectors need for thumbnails and for faces that fill the picture. For stills that are known to
  /// show a face.
  std::vector<FoundFace> find_hard(const embed::ImageView& image);
  /// One line: which detector, from which file.
  std::string description() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Loads a detector's model file and says in one line what it is. Throws embed::Error that names the file.
std::string describe_detector(const std::string& model_path);

/// A video file, frame by frame.
class Video {
 public:
  /// Throws embed::Error(NotFound | Io | Format | Unsupported).
  explicit Video(const std::string& path);
  ~Video();
  Video(const Video&) = delete;
  Video& operator=(const Video&) = delete;
  /// The next frame, valid until the next call; false at the end.
  bool next(embed::ImageView& frame);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Of several faces the one that a portrait is about: large and near the centre. `faces` must not be empty.
const FoundFace& main_face(const std::vector<FoundFace>& faces, const embed::ImageView& image);

/// A square box at the picture's centre, its side `fraction` of the shorter side: for tight pictures in which
/// no face was found.
embed::FaceRegion centre_box(const embed::ImageView& image, float fraction);

}  // namespace training::cli
