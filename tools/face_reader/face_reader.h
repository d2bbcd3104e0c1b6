// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "command_line/table_flags.h"
#include "embed/embedder.h"
#include "embed/quality.h"
#include "face_reader/clip_faces.h"
#include "pictures/face_cropper.h"

/// Faces of pictures and clips, with their embeddings: detector, crop and network as in the stream. What
/// needs LibTorch, OpenCV and GStreamer lies in a module that is loaded when it is first asked for, since
/// loading them takes longer than all that the other commands do.
namespace face_reader {

struct ReaderOptions {
  std::string weights;  ///< The weights' file.
  embed::EmbedderOptions embedder;
  command_line::TableFlags detector;  ///< Made of kDetectorOptions and kPictureOptions.
};

/// A face that was found and cut.
struct CutFace {
  embed::FaceRegion region;  ///< In pixels of the picture.
  float confidence = 0;
  embed::FaceQuality quality;
  std::vector<std::uint8_t> crop;  ///< [height, width, channels] uint8 of the weights' input, C-contiguous.
};

/// All faces of a picture.
struct PictureFaces {
  int width = 0, height = 0;
  std::vector<CutFace> faces;  ///< The largest first.
  std::size_t main = 0;        ///< Of several the one that a portrait is about: large and near the centre.
  std::string warning;         ///< What the decoder complains of and could mend; empty for a sound file.
};

/// How a picture would have to be turned to show most faces.
using Turned = pictures::Turned;

/// Not thread-safe; several may exist at once.
class FaceReader {
 public:
  virtual ~FaceReader() = default;

  /// Of the weights.
  virtual const embed::ModelInfo& model() const noexcept = 0;

  /// True for the file extensions that read() knows. Throws embed::Error(Unsupported) in a build that cannot
  /// read image files.
  virtual bool is_picture(const std::string& path) const = 0;
  /// The faces of an image file; of weights that take whole pictures, one face that covers it. Throws
  /// embed::Error(NotFound | Io | Format | Unsupported | OutOfMemory) that names the file.
  virtual PictureFaces read(const std::string& path) = 0;
  /// The same of a file's content, [size] bytes of the caller's; `name` is what errors call it.
  virtual PictureFaces read(const std::uint8_t* bytes, std::size_t size, const std::string& name) = 0;
  /// For an image file in which no face was found; nothing where it shows none in any position. Throws as
  /// read().
  virtual std::optional<Turned> turned(const std::string& path) = 0;

  /// Looks through a clip, camera or stream to its end and adds to `faces`, which keeps what was found when
  /// the clip turns out to be cut. Throws embed::Error(NotFound | Io | Format | InvalidArgument |
  /// Unsupported) that names the clip as embed::public_address shows it, and the second.
  virtual void look_through(const std::string& clip, const ClipOptions& options, ClipFaces& faces) = 0;

  /// Embeddings of crops, one after another as CutFace::crop and ClipFaces::crops hold them. Throws
  /// embed::Error.
  virtual std::vector<embed::Embedding> embed(const std::vector<std::uint8_t>& crops) const = 0;

  /// Writes one such crop as an image file of the kind that the extension names. Throws embed::Error(Io |
  /// Unsupported).
  virtual void save_crop(const std::string& path, const std::vector<std::uint8_t>& crop) const = 0;
};

/// Loads the module at the first call, and the weights and the detector. Throws embed::Error: NotFound where
/// the module or a file is not there, Mismatch for a module of another version, and what loading weights and
/// detectors throws. Any thread.
std::unique_ptr<FaceReader> make_face_reader(const ReaderOptions& options);

/// The module's file, and the one function that it shows: MakeReader by the name kModuleSymbol. It takes the
/// program's version and gives null for another than its own, since classes pass between the two.
constexpr const char* kModuleFile = "libtriplet-gallery-faces.so";
constexpr const char* kModuleSymbol = "triplet_gallery_faces";
using MakeReader = std::unique_ptr<FaceReader> (*)(const ReaderOptions& options);
using ModuleFunction = MakeReader (*)(const char* version);

}  // namespace face_reader
