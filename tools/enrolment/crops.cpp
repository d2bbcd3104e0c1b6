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

}  // namespace

std::string crops_folder(const std::string& gallery_file) {
  return gallery_file + ".crops";
}

std::string crop_file(const std::string& gallery_file, const std::string& row_id) {
  return crops_folder(gallery_file) + "/" + row_id + kExtension;
}

void keep_crops(const std::string& gallery_file, const embed::Gallery& gallery,
                const std::vector<NewRow>& rows, const face_reader::FaceReader& reader) {
  const std::string folder = crops_folder(gallery_file);
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST)
    throw Error(ErrorCode::Io, std::string("cannot make the folder: ") + std::strerror(errno), folder);
  for (const NewRow& row : rows)
    reader.save_crop(crop_file(gallery_file, row_id(gallery, row.row)), row.face->face.crop);
}

void remove_stale_crops(const std::string& gallery_file, const embed::Gallery& gallery) {
  std::error_code failed;
  std::vector<fs::path> crops;
  for (fs::directory_iterator it(crops_folder(gallery_file), failed), end; !failed && it != end;
       it.increment(failed)) {
    if (is_row_id(it->path().stem().string()))
      crops.push_back(it->path());
  }
  if (failed == std::errc::no_such_file_or_directory || crops.empty()) return;
  if (failed) throw Error(ErrorCode::Io, failed.message(), crops_folder(gallery_file));
  std::set<std::string> ids;
  for (std::size_t r = 0; r < gallery.rows(); ++r) ids.insert(row_id(gallery, r));
  for (const fs::path& crop : crops) {
    if (ids.count(crop.stem().string()) == 0 && !fs::remove(crop, failed) && failed)
      throw Error(ErrorCode::Io, "cannot remove: " + failed.message(), crop.string());
  }
}

}  // namespace enrolment
