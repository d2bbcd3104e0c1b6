// SPDX-License-Identifier: LGPL-2.1-or-later
#include "enrolment/enrol_picture.h"

#include <algorithm>
#include <cstdio>

#include "embed/error.h"
#include "embed/printable.h"

namespace enrolment {

namespace {

using embed::Error;
using embed::ErrorCode;
using face_reader::PictureFaces;

std::string faces_text(std::size_t count) {
  return std::to_string(count) + (count == 1 ? " face" : " faces");
}

std::string several_text(std::size_t count) {
  return faces_text(count) + " in it; --face largest, --face centre or --face all-of " +
         std::to_string(count) + " says which";
}

/// What one refuses of an exception: a build that cannot read pictures, or no memory, is the caller's matter.
bool is_of_the_file(const Error& error) {
  return error.code() == ErrorCode::NotFound || error.code() == ErrorCode::Io ||
         error.code() == ErrorCode::Format;
}

/// Without the file, which the caller names.
std::string without_file(const Error& error) {
  const std::string text = error.what(), file = error.file() + ": ";
  return !error.file().empty() && text.rfind(file, 0) == 0 ? text.substr(file.size()) : text;
}

PictureRows refused(Refusal refusal, std::string why) {
  PictureRows picture;
  picture.refusal = refusal;
  picture.why = std::move(why);
  return picture;
}

template <typename Read>
PictureRows cut(const Read& read, const std::string& name, const FaceRule& rule) {
  PictureFaces found;
  try {
    found = read();
  } catch (const Error& error) {
    if (!is_of_the_file(error)) throw;
    return refused(Refusal::Unreadable, without_file(error));
  }
  PictureRows picture;
  picture.warning = found.warning;
  for (const std::size_t i : choose_faces(found, rule, picture.refusal, picture.why)) {
    face_reader::CutFace& face = found.faces[i];
    const embed::Enrolment enrolment = {face.quality.overall, embed::enrolment_time(),
                                        embed::printable(name)};
    picture.rows.push_back({{}, enrolment, std::move(face)});
  }
  return picture;
}

PictureRows embedded(const face_reader::FaceReader& reader, PictureRows picture) {
  std::vector<std::uint8_t> crops;
  for (const FaceRow& row : picture.rows)
    crops.insert(crops.end(), row.face.crop.begin(), row.face.crop.end());
  if (crops.empty()) return picture;
  const std::vector<embed::Embedding> embeddings = reader.embed(crops);
  for (std::size_t i = 0; i < embeddings.size(); ++i) picture.rows[i].embedding = embeddings[i];
  return picture;
}

}  // namespace

const char* to_string(Refusal refusal) noexcept {
  switch (refusal) {
    case Refusal::None:
      return "none";
    case Refusal::Unreadable:
      return "unreadable";
    case Refusal::NoFace:
      return "no-face";
    case Refusal::SeveralFaces:
      return "several-faces";
    case Refusal::PoorFace:
      return "poor-face";
  }
  return "none";
}

std::string poor_text(const embed::FaceQuality& quality, float least) {
  const char* const flaw = to_string(quality.flaw);
  char text[128];
  std::snprintf(
      text, sizeof text, "the face is %s, of a quality of %.3f: %.3f or more expected (--min-quality)",
      *flaw != '\0' ? flaw : "poor", static_cast<double>(quality.overall), static_cast<double>(least));
  return text;
}

std::vector<std::size_t> choose_faces(const PictureFaces& picture, const FaceRule& rule, Refusal& refusal,
                                      std::string& why) {
  const std::size_t count = picture.faces.size();
  const auto refuse = [&](Refusal reason, std::string text) {
    refusal = reason;
    why = std::move(text);
    return std::vector<std::size_t>();
  };
  if (count == 0) return refuse(Refusal::NoFace, "no face in it");
  if (rule.which == FaceRule::Which::Only && count > 1)
    return refuse(Refusal::SeveralFaces, several_text(count));
  if (rule.which == FaceRule::Which::AllOf && count != rule.count) {
    return refuse(Refusal::SeveralFaces,
                  faces_text(count) + " in it, " + std::to_string(rule.count) + " expected (--face all-of)");
  }
  std::vector<std::size_t> chosen = {rule.which == FaceRule::Which::Centre ? picture.main : 0};
  for (std::size_t i = 1; rule.which == FaceRule::Which::AllOf && i < count; ++i) chosen.push_back(i);
  for (const std::size_t i : chosen) {
    const embed::FaceQuality& quality = picture.faces[i].quality;
    if (quality.overall < rule.min_quality)
      return refuse(Refusal::PoorFace, poor_text(quality, rule.min_quality));
  }
  refusal = Refusal::None;
  why.clear();
  return chosen;
}

PictureRows cut_picture(face_reader::FaceReader& reader, const std::string& path, const FaceRule& rule) {
  return cut([&] { return reader.read(path); }, path, rule);
}

PictureRows enrol_picture(face_reader::FaceReader& reader, const std::string& path, const FaceRule& rule) {
  return embedded(reader, cut_picture(reader, path, rule));
}

PictureRows enrol_picture(face_reader::FaceReader& reader, const std::uint8_t* bytes, std::size_t size,
                          const std::string& name, const FaceRule& rule) {
  return embedded(reader, cut([&] { return reader.read(bytes, size, name); }, name, rule));
}

}  // namespace enrolment
