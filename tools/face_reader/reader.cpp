// SPDX-License-Identifier: LGPL-2.1-or-later
#include "face_reader/reader.h"

#include <algorithm>

#include "embed/address.h"
#include "embed/preprocess.h"
#include "face_reader/look_through.h"

namespace face_reader {

LoadedReader::LoadedReader(const ReaderOptions& options)
    : embedder_(options.weights, options.embedder), cropper_(embedder_.info().input, options.detector) {}

bool LoadedReader::is_picture(const std::string& path) const {
  pictures::require_pictures();
  return pictures::is_picture_path(path);
}

PictureFaces LoadedReader::read(const std::string& path) {
  return faces_of(cropper_.load(path));
}

PictureFaces LoadedReader::read(const std::uint8_t* bytes, std::size_t size, const std::string& name) {
  return faces_of(cropper_.decode(bytes, size, name));
}

std::optional<Turned> LoadedReader::turned(const std::string& path) {
  return cropper_.turned({cropper_.load(path).view()});
}

void LoadedReader::look_through(const std::string& clip, const ClipOptions& options, ClipFaces& faces) {
  look_through_clip(clip, cropper_, options, faces);
}

std::vector<embed::Embedding> LoadedReader::embed(const std::vector<std::uint8_t>& crops) const {
  std::vector<embed::Embedding> embeddings(crops.size() / embed::crop_bytes(model().input));
  embedder_.embed_crops(crops.data(), embeddings.size(), embeddings.data());
  return embeddings;
}

void LoadedReader::save_crop(const std::string& path, const std::vector<std::uint8_t>& crop) const {
  const embed::InputSpec& input = model().input;
  embed::ImageView view;
  view.format = input.channels == 1 ? embed::PixelFormat::Gray8
                                    : (input.bgr ? embed::PixelFormat::Bgr : embed::PixelFormat::Rgb);
  view.width = input.width;
  view.height = input.height;
  view.planes[0] = crop.data();
  view.strides[0] = static_cast<std::ptrdiff_t>(input.channels) * input.width;
  pictures::save_picture(path, view);
}

PictureFaces LoadedReader::faces_of(const pictures::Picture& picture) {
  const embed::ImageView& view = picture.view();
  PictureFaces found;
  found.width = view.width;
  found.height = view.height;
  found.warning = picture.warning();
  const std::vector<pictures::FoundFace> faces = cropper_.find(view, /*still=*/true);
  if (faces.empty()) return found;
  found.main = static_cast<std::size_t>(&pictures::main_face(faces, view) - faces.data());
  for (const pictures::FoundFace& face : faces) {
    CutFace cut{face.region, face.confidence, {}, {}};
    cut.quality = cropper_.cut(view, face, cut.crop);
    found.faces.push_back(std::move(cut));
  }
  return found;
}

}  // namespace face_reader
