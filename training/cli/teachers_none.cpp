// SPDX-License-Identifier: LGPL-2.1-or-later
// teachers.h for a build without OpenCV.
#include "cli/teachers.h"
#include "embed/error.h"

namespace training::cli {

std::unique_ptr<Teacher> open_teacher(const std::string& network) {
  throw embed::Error(
      embed::ErrorCode::Unsupported,
      "cannot run a teacher: this build has no OpenCV (it was configured with -Dfaces=disabled); "
      "files of its vectors work",
      network);
}

}  // namespace training::cli
