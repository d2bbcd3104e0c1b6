// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gallery/row_pictures.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <set>
#include <system_error>
#include <vector>

#include "embed/error.h"
#include "embed/safetensors.h"
#include "gallery/people.h"

namespace gallery_tool {

namespace {

std::string folder_of(const std::string& gallery) {
  return gallery + ".crops";
}

}  // namespace

std::string row_picture(const std::string& gallery, const std::string& row) {
  return folder_of(gallery) + "/" + row;
}

bool is_row_id(const std::string& id) {
  return id.size() == 12 && id.find_first_not_of("0123456789abcdef") == std::string::npos;
}

void write_row_picture(const std::string& gallery, const std::string& row, const std::string& pnm) {
  const std::string folder = folder_of(gallery);
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST)
    throw embed::Error(embed::ErrorCode::Io, std::string("cannot make the folder: ") + std::strerror(errno),
                       folder);
  const std::string file = row_picture(gallery, row) + (pnm.compare(0, 2, "P6") == 0 ? ".ppm" : ".pgm");
  embed::write_file_atomically(file, pnm.data(), pnm.size());
  ::chmod(file.c_str(), 0600);
}

void drop_pictures_of_gone_rows(const std::string& path, const embed::Gallery& gallery) {
  namespace fs = std::filesystem;
  std::error_code failed;
  std::vector<fs::path> pictures;
  for (fs::directory_iterator it(folder_of(path), failed), end; !failed && it != end; it.increment(failed))
    if (is_row_id(it->path().stem().string())) pictures.push_back(it->path());
  if (pictures.empty()) return;
  std::set<std::string> there;
  for (const embed::Role role : {embed::Role::Own, embed::Role::CounterExample})
    for (std::size_t r = 0; r < gallery.rows(role); ++r) there.insert(row_id(gallery, r, role));
  for (const fs::path& picture : pictures) {
    if (there.count(picture.stem().string()) != 0) continue;
    fs::remove(picture, failed);
    if (failed)
      throw embed::Error(embed::ErrorCode::Io, "cannot be removed: " + failed.message(), picture.string());
  }
}

}  // namespace gallery_tool
