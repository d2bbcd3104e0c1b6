// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "embed/gallery.h"
#include "face_reader/face_reader.h"

/// Photographs and clips to rows of a gallery.
namespace enrolment {

/// Which of a picture's faces are enrolled.
struct FaceRule {
  enum class Which {
    Only,     ///< The only one; a picture with several is refused.
    Largest,  ///< Of several the largest.
    Centre,   ///< Of several the one that a portrait is about: large and near the centre.
    AllOf,    ///< All of them, which are one person's: a picture with another number than `count` is refused.
  };
  Which which = Which::Only;
  std::size_t count = 1;      ///< For AllOf.
  float min_quality = 0.05F;  ///< A face of a lower quality, 0 to 1, is refused.
};

/// Why nothing of a picture is enrolled.
enum class Refusal {
  None,        ///< It is enrolled.
  Unreadable,  ///< No picture, damaged, too large or not there.
  NoFace,
  SeveralFaces,  ///< More than the rule takes, or another number than it says.
  PoorFace,      ///< Of a lower quality than the rule takes.
};
/// "none", "unreadable", "no-face", "several-faces", "poor-face".
const char* to_string(Refusal refusal) noexcept;

/// A face as a row of a gallery.
struct FaceRow {
  embed::Embedding embedding{};
  embed::Enrolment enrolment;  ///< Quality, this moment, and the picture's name.
  face_reader::CutFace face;
};

/// What becomes of a picture: rows, or a refusal with the reason in words ("3 faces; --face … says which"),
/// which do not name the picture.
struct PictureRows {
  std::vector<FaceRow> rows;  ///< One; with AllOf several. None where it is refused.
  Refusal refusal = Refusal::None;
  std::string why;
  std::string warning;  ///< PictureFaces::warning.
};

/// How poor a face of this quality is, and what it would have to be.
std::string poor_text(const embed::FaceQuality& quality, float least);

/// Which of these faces the rule takes, by their numbers; none where it refuses the picture: `refusal` and
/// `why` say the reason then.
std::vector<std::size_t> choose_faces(const face_reader::PictureFaces& picture, const FaceRule& rule,
                                      Refusal& refusal, std::string& why);

/// One image file to rows. A picture that cannot be enrolled is no error but a refusal. Throws what
/// FaceReader::embed throws, and embed::Error(Unsupported) in a build that cannot read image files. One call
/// at a time for each reader.
PictureRows enrol_picture(face_reader::FaceReader& reader, const std::string& path, const FaceRule& rule);
/// The same of a file's content, [size] bytes of the caller's, such as an upload. `name` becomes the rows'
/// source.
PictureRows enrol_picture(face_reader::FaceReader& reader, const std::uint8_t* bytes, std::size_t size,
                          const std::string& name, const FaceRule& rule);

/// The faces that the rule takes, cut and not yet embedded, so that those of several pictures can be embedded
/// at once. Otherwise as enrol_picture().
PictureRows cut_picture(face_reader::FaceReader& reader, const std::string& path, const FaceRule& rule);

}  // namespace enrolment
