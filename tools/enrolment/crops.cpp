// SPDX-License-Identifier: LGPL-2.1-or-later
#include "enrolment/crops.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <set>

#include "embed/error.h"
#include "enrolment/row_id.h"

namespace enrolment {

namespace {

namespace fs = std::filesystem;
using embed::Error;
using embed::ErrorCode;

constexpr const char* kExtension = ".jpg";

bool is_row_id(const std::string& text) {
  return text.size() == 12 && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

void make_folder(const std::string& folder) {
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST)
    throw Error(ErrorCode::Io, std::string("cannot make the folder: ") + std::strerror(errno), folder);
}

}  // namespace

std::string crops_folder(const std::string& gallery_file) {
  return gallery_file + ".crops";
}

std::string crop_file(const std::string& gallery_file, const std::string& row_id) {
  return crops_folder(gallery_file) + "/" + row_id;
}

void keep_crops(const std::string& gallery_file, const embed::Gallery& gallery,
                const std::vector<PlacedRow>& rows, const face_reader::FaceReader& reader) {
  make_folder(crops_folder(gallery_file));
  for (const PlacedRow& row : rows)
    reader.save_crop(crop_file(gallery_file, row_id(gallery, row.row)) + kExtension, row.face->face.crop);
}

void copy_crops(const std::string& from_gallery, const std::string& to_gallery,
                const std::vector<std::string>& row_ids) {
  for (const std::string& id : row_ids) {
    for (const char* ending : {".jpg", ".png", ".ppm", ".pgm"}) {
      const std::string from = crop_file(from_gallery, id) + ending;
      std::error_code failed;
      if (!fs::is_regular_file(from, failed)) continue;
      make_folder(crops_folder(to_gallery));
      const std::string to = crop_file(to_gallery, id) + ending;
      fs::copy_file(from, to, fs::copy_options::overwrite_existing, failed);
      if (failed) throw Error(ErrorCode::Io, "cannot be written: " + failed.message(), to);
    }
  }
}

void remove_stale_crops(const std::string& gallery_file, const embed::Gallery& gallery) {
  std::error_code failed;
  std::vector<fs::path> crops;
  for (fs::directory_iterator it(crops_folder(gallery_file), failed), end; !failed && it != end;
       it.increment(failed)) {
    if (is_row_id(it->path().stem().string())) crops.push_back(it->path());
  }
  if (failed == std::errc::no_such_file_or_directory) return;
  if (failed) throw Error(ErrorCode::Io, failed.message(), crops_folder(gallery_file));
  if (crops.empty()) return;
  std::set<std::string> ids;
  for (std::size_t r = 0; r < gallery.rows(); ++r) ids.insert(row_id(gallery, r));
  for (const fs::path& crop : crops) {
    if (ids.count(crop.stem().string()) == 0 && !fs::remove(crop, failed) && failed)
      throw Error(ErrorCode::Io, "cannot remove: " + failed.message(), crop.string());
  }
}

}  // namespace enrolment
