// SPDX-License-Identifier: LGPL-2.1-or-later
#include "enrolment/enroller.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <iterator>
#include <map>
#include <set>

#include "command_line/console.h"
#include "embed/address.h"
#include "embed/person_name.h"
#include "embed/printable.h"
#include "enrolment/select_rows.h"

namespace enrolment {

namespace {

namespace fs = std::filesystem;
using command_line::print;
using command_line::print_error;
using embed::Error;
using embed::ErrorCode;

/// How poor a face is, and what it would have to be.
std::string poor(const embed::FaceQuality& quality, float least) {
  const char* const flaw = to_string(quality.flaw);
  char text[96];
  std::snprintf(text, sizeof text, "%s, of a quality of %.3f: %.3f or more expected (--min-quality)",
                *flaw != '\0' ? flaw : "poor", static_cast<double>(quality.overall),
                static_cast<double>(least));
  return text;
}

/// Of a video's faces the outermost tenth (turned away, or somebody who walked through) is not enrolled.
constexpr double kVideoOutliers = 0.1;

embed::Enrolment enrolment_of(const embed::FaceQuality& quality, const std::string& source) {
  return {quality.overall, embed::enrolment_time(), embed::printable(source)};
}

}  // namespace

void require_name(const std::string& name, const std::string& where) {
  try {
    embed::Gallery(embed::Metric::Cosine, "").add(name, embed::Embedding{});
  } catch (const Error& error) {
    throw Error(error.code(), error.what(), where);
  }
}

Enroller::Enroller(const EnrollOptions& options, face_reader::FaceReader& reader)
    : options_(options), reader_(reader), gallery_(reader.model().metric, reader.model().sha256) {
  if (fs::exists(options.gallery)) gallery_ = embed::Gallery::load(options.gallery, reader.model().sha256);
}

void Enroller::enroll_folder() {
  PeopleFolder folder =
      read_people_folder(options_.folder, [&](const std::string& path) { return reader_.is_picture(path); });
  say_skipped(folder);
  for (const std::string& missing : folder.missing) refuse_or_say(Error(ErrorCode::NotFound, missing));
  for (const std::string& empty : folder.empty)
    refuse_or_say(Error(ErrorCode::Format, "an identity folder without any image", empty));
  // All names before the first picture.
  for (auto it = folder.people.begin(); it != folder.people.end();)
    it = takes(it->first) ? std::next(it) : folder.people.erase(it);
  std::map<std::string, std::vector<std::string>>
      people;  // Pictures of each, by the name in its normal form.
  std::map<std::string, std::string> folders;
  std::set<std::string> told;
  for (const auto& [spelling, paths] : folder.people) {
    const std::string name = embed::person_name(spelling);
    if (!folders.emplace(name, options_.folder + "/" + spelling).second && told.insert(name).second)
      print_error("%s is there in more than one spelling: one person\n", name.c_str());
    people[name].insert(people[name].end(), paths.begin(), paths.end());
  }
  for (const auto& [name, paths] : people) enroll_images(name, paths, folders[name]);
}

void Enroller::enroll_images(const std::string& name, const std::vector<std::string>& paths,
                             const std::string& where) {
  std::vector<std::uint8_t> crops;
  std::vector<std::string> faceless;
  std::vector<embed::Enrolment> rows;
  for (const std::string& path : paths) {
    const PictureRows picture = cut_picture(reader_, path, options_.face);
    if (picture.refusal == Refusal::NoFace) {
      faceless.push_back(path);
    } else if (picture.refusal == Refusal::Unreadable) {
      refuse_or_say(Error(ErrorCode::Format, picture.why, path));
    } else if (picture.refusal != Refusal::None) {
      print_error("left out: %s: %s\n", path.c_str(), picture.why.c_str());
    }
    for (const FaceRow& row : picture.rows) {
      crops.insert(crops.end(), row.face.crop.begin(), row.face.crop.end());
      rows.push_back(row.enrolment);
    }
  }
  say_faceless(faceless);
  if (crops.empty()) {
    refuse_or_say(Error(
        ErrorCode::Format,
        "no face that can be enrolled in any of its " + std::to_string(paths.size()) + " images", where));
    return;
  }
  add(name, reader_.embed(crops), rows, paths.size(), "images", 0.0);
}

void Enroller::enroll_video() {
  face_reader::ClipFaces faces;
  const std::string shown = embed::public_address(options_.video);
  try {
    reader_.look_through(options_.video, options_.clip, faces);
  } catch (const Error& error) {
    // With --skip-bad what a cut clip showed before it ended is taken.
    refuse_or_say(error);
  }
  if (faces.damaged != 0) {
    char text[96];
    std::snprintf(text, sizeof text, "%zu of its frames are damaged, the first after %.2f s", faces.damaged,
                  faces.first_damaged);
    const Error error(ErrorCode::Format, text, shown);
    if (faces.endless) {
      print_error("left out: %s\n", error.what());
    } else {
      refuse_or_say(error);
    }
  }
  if (faces.crops.empty()) {
    throw Error(ErrorCode::Format,
                "no face of " + std::to_string(options_.clip.smallest_face) + " pixels or more in the " +
                    std::to_string(faces.looked_at) + " frames looked at (every " +
                    std::to_string(options_.clip.every) + ".)" + faces.hint,
                shown);
  }
  tell_of_others(faces);
  keep_good(shown, faces);
  const std::vector<embed::Embedding> embeddings = reader_.embed(faces.crops);
  tell_of_second_person(faces, embeddings);
  std::vector<embed::Enrolment> rows;
  for (std::size_t i = 0; i < faces.seconds.size(); ++i) {
    char time[32];
    std::snprintf(time, sizeof time, "#t=%.2f", faces.seconds[i]);  // As media fragments have it.
    rows.push_back(enrolment_of(faces.quality[i], shown + time));
  }
  add(options_.name, embeddings, rows, faces.looked_at, "frames", kVideoOutliers);
}

void Enroller::save() const {
  if (people_ == 0) throw Error(ErrorCode::Format, "nobody is left to enrol", options_.gallery);
  gallery_.save(options_.gallery);
  print("%s: %zu embeddings of %zu identities\n", options_.gallery.c_str(), gallery_.rows(),
        gallery_.names().size());
}

/// Whether a folder's name can be a person's; with --skip-bad that is said, else an error.
bool Enroller::takes(const std::string& name) const {
  try {
    require_name(name, options_.folder + "/" + name);
    return true;
  } catch (const Error& error) {
    refuse_or_say(error);
    return false;
  }
}

void Enroller::refuse_or_say(const Error& error) const {
  if (!options_.skip_bad) throw error;
  print_error("left out: %s\n", error.what());
}

/// Says once how many files beside the pictures there are, and which.
void Enroller::say_skipped(const PeopleFolder& folder) const {
  std::vector<std::string> files = folder.others;
  files.insert(files.end(), folder.foreign.begin(), folder.foreign.end());
  if (!files.empty())
    print_error("not looked at: %zu that are no pictures NAME/*.jpg (png, webp, tif, bmp, pgm, …): %s\n",
                files.size(), command_line::first_of(files).c_str());
  if (!folder.foreign.empty())
    print_error("%zu of them are HEIC, AVIF or GIF: convert them to JPEG or PNG\n", folder.foreign.size());
}

void Enroller::say_faceless(const std::vector<std::string>& paths) {
  for (const std::string& path : paths) {
    const auto turned = reader_.turned(path);
    print_error("left out: no face in %s", path.c_str());
    if (turned) {
      print_error("; turned by %d degrees clockwise there would be %zu: turn the picture", turned->degrees,
                  turned->faces);
    }
    print_error("\n");
  }
}

/// Of a clip's faces. Throws embed::Error when none is left.
void Enroller::keep_good(const std::string& shown, face_reader::ClipFaces& faces) const {
  const auto worse = [](const embed::FaceQuality& a, const embed::FaceQuality& b) {
    return a.overall < b.overall;
  };
  const std::size_t before = faces.quality.size();
  const embed::FaceQuality best = *std::max_element(faces.quality.begin(), faces.quality.end(), worse);
  face_reader::drop_poor(faces, options_.face.min_quality);
  if (!faces.quality.empty()) return;
  throw Error(ErrorCode::Format,
              "none of its " + std::to_string(before) + " faces can be enrolled: the best one is " +
                  poor(best, options_.face.min_quality),
              shown);
}

/// The largest face of a frame counts, which may be one person's here and another's there.
void Enroller::tell_of_others(const face_reader::ClipFaces& faces) const {
  const face_reader::FrameCount& second = faces.with_second_face;
  if (second.frames == 0) return;
  print_error(
      "%s: a second face in %zu of %zu frames, from %.2f s to %.2f s; the larger one of each frame "
      "is taken for "
      "%s: a clip of one person is safer\n",
      embed::public_address(options_.video).c_str(), second.frames, faces.looked_at, second.first,
      second.last, options_.name.c_str());
}

/// Of faces that come one after the other, their distances alone tell.
void Enroller::tell_of_second_person(const face_reader::ClipFaces& faces,
                                     const std::vector<embed::Embedding>& embeddings) const {
  if (!reader_.model().threshold) return;
  const std::vector<std::size_t> others =
      face_reader::second_person(embeddings, reader_.model().metric, *reader_.model().threshold);
  if (others.empty()) return;
  print_error(
      "%s: %zu of %zu faces seem to be another person's, from %.2f s to %.2f s: enrol %s from a clip without "
      "them\n",
      embed::public_address(options_.video).c_str(), others.size(), embeddings.size(),
      faces.seconds[others.front()], faces.seconds[others.back()], options_.name.c_str());
}

bool Enroller::has_row(const std::string& name, const embed::Embedding& embedding) const {
  for (std::size_t row = 0; row < gallery_.rows(); ++row) {
    if (gallery_.name(gallery_.identity(row)) == name &&
        std::equal(embedding.begin(), embedding.end(), gallery_.row(row))) {
      return true;
    }
  }
  return false;
}

void Enroller::add(const std::string& spelling, const std::vector<embed::Embedding>& embeddings,
                   const std::vector<embed::Enrolment>& rows, std::size_t looked_at, const char* what,
                   double outliers) {
  const std::string name = embed::person_name(spelling);
  if (options_.replace) gallery_.remove(name);
  std::size_t added = 0;
  for (const std::size_t i : select_diverse(embeddings, options_.most, gallery_.metric(), outliers)) {
    if (has_row(name, embeddings[i])) continue;  // the same picture, enrolled before
    gallery_.add(name, embeddings[i], rows[i]);
    ++added;
  }
  ++people_;
  print("%s: %zu faces in %zu %s, %zu enrolled\n", name.c_str(), embeddings.size(), looked_at, what, added);
}

}  // namespace enrolment
