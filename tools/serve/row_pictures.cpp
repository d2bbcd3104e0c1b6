// SPDX-License-Identifier: LGPL-2.1-or-later
#include "serve/row_pictures.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstring>

#include "embed/error.h"
#include "embed/safetensors.h"
#include "enrolment/crops.h"

namespace serve {

std::string row_picture(const std::string& gallery, const std::string& row) {
  return enrolment::crops_folder(gallery) + "/" + row;
}

bool is_row_id(const std::string& id) {
  return id.size() == 12 && id.find_first_not_of("0123456789abcdef") == std::string::npos;
}

void write_row_picture(const std::string& gallery, const std::string& row, const std::string& pnm) {
  const std::string folder = enrolment::crops_folder(gallery);
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) {
    throw embed::Error(embed::ErrorCode::Io, std::string("cannot make the folder: ") + std::strerror(errno),
                       folder);
  }
  const std::string file = row_picture(gallery, row) + (pnm.compare(0, 2, "P6") == 0 ? ".ppm" : ".pgm");
  embed::write_file_atomically(file, pnm.data(), pnm.size());
  ::chmod(file.c_str(), 0600);
}

}  // namespace serve
