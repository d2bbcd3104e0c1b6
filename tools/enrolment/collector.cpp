// SPDX-License-Identifier: LGPL-2.1-or-later
#include "enrolment/collector.h"

#include <cstdio>
#include <map>
#include <set>

#include "command_line/progress.h"
#include "embed/error.h"
#include "embed/person_name.h"
#include "embed/printable.h"
#include "enrolment/select_rows.h"

namespace enrolment {

namespace {

using embed::Error;

std::vector<embed::Embedding> embed_rows(const face_reader::FaceReader& reader,
                                         const std::vector<FaceRow>& rows) {
  std::vector<std::uint8_t> crops;
  for (const FaceRow& row : rows) crops.insert(crops.end(), row.face.crop.begin(), row.face.crop.end());
  return crops.empty() ? std::vector<embed::Embedding>() : reader.embed(crops);
}

}  // namespace

void require_name(const std::string& name, const std::string& where) {
  try {
    embed::person_name(name);
  } catch (const Error& error) {
    throw Error(error.code(), error.what(), where);
  }
}

Collector::Collector(face_reader::FaceReader& reader, const CollectOptions& options, Listener& listener)
    : reader_(reader), options_(options), listener_(listener) {}

void Collector::add_folder(const std::string& folder) {
  folder_ = read_people_folder(folder, [&](const std::string& path) { return reader_.is_picture(path); });
  note_folder();
  // Pictures of each, by the name in its normal form: all names before the first picture.
  std::map<std::string, std::vector<std::string>> people;
  std::map<std::string, std::string> folders;
  std::set<std::string> told;
  std::size_t pictures = 0;
  for (const auto& [spelling, paths] : folder_.people) {
    const std::string where = folder + (folder.back() == '/' ? "" : "/") + spelling;
    try {
      const std::string name = embed::person_name(spelling);
      if (!folders.emplace(name, where).second && told.insert(name).second)
        listener_.note(name + " is there in more than one spelling: one person");
      people[name].insert(people[name].end(), paths.begin(), paths.end());
      pictures += paths.size();
    } catch (const Error& error) {
      refuse(where, "name", error.what());
    }
  }
  command_line::Progress progress("enrolling", pictures);
  for (const auto& [name, paths] : people) add_person(name, paths, folders[name], progress);
}

/// Says of each kind of files that are no pictures how many there are and which, and refuses what is missing.
void Collector::note_folder() const {
  for (const std::string& path : folder_.missing) refuse(path, "missing", "a link to nowhere, or no file");
  for (const std::string& path : folder_.empty) refuse(path, "nobody", "no picture in this person's folder");
  for (const std::string& path : folder_.foreign)
    refuse(path, "foreign", "pictures of this kind are not read: convert it to JPEG or PNG");
  const auto note = [&](const std::vector<std::string>& paths, const char* what) {
    if (!paths.empty())
      listener_.note("not looked at: " + std::to_string(paths.size()) + what + command_line::first_of(paths));
  };
  note(folder_.others, " that are no pictures NAME/*.jpg (png, webp, tif, bmp, pgm, …): ");
  note(folder_.left_behind, " that file servers, archives and desktops leave behind: ");
}

void Collector::refuse(const std::string& input, const std::string& reason, const std::string& why) const {
  listener_.refused({input, reason, why});
}

void Collector::add_images(const std::string& name, const std::vector<std::string>& paths) {
  command_line::Progress progress("enrolling", paths.size());
  add_person(embed::person_name(name), paths, name, progress);
}

void Collector::add_person(const std::string& name, const std::vector<std::string>& paths,
                           const std::string& where, command_line::Progress& progress) {
  Candidate candidate;
  candidate.name = name;
  candidate.looked_at = paths.size();
  for (const std::string& path : paths) {
    PictureRows picture = cut_picture(reader_, path, options_.face);
    if (picture.refusal != Refusal::None) {
      progress.erase();
      refuse(path, to_string(picture.refusal), refusal_of(path, picture));
    }
    if (picture.refusal == Refusal::Unreadable) candidate.unread.push_back(embed::printable(path));
    for (FaceRow& row : picture.rows) candidate.rows.push_back(std::move(row));
    progress.step();
  }
  candidate.faces = candidate.rows.size();
  if (candidate.rows.empty()) {
    progress.erase();
    refuse(where, "nobody",
           "no face that can be enrolled in any of its " + std::to_string(paths.size()) + " images");
  }
  add(std::move(candidate), 0.0);
}

/// Of a picture without a face also how it would have to be turned.
std::string Collector::refusal_of(const std::string& path, const PictureRows& picture) {
  if (picture.refusal != Refusal::NoFace) return picture.why;
  const auto turned = reader_.turned(path);
  if (!turned) return picture.why;
  return picture.why + "; turned by " + std::to_string(turned->degrees) +
         " degrees clockwise there would be " + std::to_string(turned->faces) + ": turn the picture";
}

void Collector::add(Candidate candidate, double outliers) {
  std::vector<FaceRow>& rows = candidate.rows;
  const std::vector<embed::Embedding> embeddings = embed_rows(reader_, rows);
  for (std::size_t i = 0; i < rows.size(); ++i) rows[i].embedding = embeddings[i];
  std::vector<FaceRow> chosen;
  for (const std::size_t i : select_diverse(embeddings, options_.most, reader_.model().metric, outliers))
    chosen.push_back(std::move(rows[i]));
  rows = std::move(chosen);
  people_.push_back(std::move(candidate));
}

}  // namespace enrolment
