// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "face_reader/face_reader.h"
#include "pictures/face_cropper.h"

namespace face_reader {

/// FaceReader over the detector and the network of this process.
class LoadedReader : public FaceReader {
 public:
  explicit LoadedReader(const ReaderOptions& options);

  const embed::ModelInfo& model() const noexcept override { return embedder_.info(); }
  bool is_picture(const std::string& path) const override;
  PictureFaces read(const std::string& path) override;
  PictureFaces read(const std::uint8_t* bytes, std::size_t size, const std::string& name) override;
  std::optional<Turned> turned(const std::string& path) override;
  void look_through(const std::string& clip, const ClipOptions& options, ClipFaces& faces) override;
  std::vector<embed::Embedding> embed(const std::vector<std::uint8_t>& crops) const override;
  void save_crop(const std::string& path, const std::vector<std::uint8_t>& crop) const override;

 private:
  PictureFaces faces_of(const pictures::Picture& picture);

  embed::Embedder embedder_;
  pictures::FaceCropper cropper_;
};

}  // namespace face_reader
