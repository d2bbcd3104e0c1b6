// SPDX-License-Identifier: LGPL-2.1-or-later
#include "embed/default_weights.h"

#include <cstdlib>
#include <fstream>

#include "embed/error.h"

namespace embed {

std::string default_weights(const std::string& how) {
  const char* variable = std::getenv("TRIPLETEMBED_MODEL");
  if (variable != nullptr && *variable != '\0') return variable;
  const std::string installed = TRIPLETEMBED_DEFAULT_WEIGHTS;
  if (!std::ifstream(installed)) {
    throw Error(ErrorCode::NotFound, "no weights: name a file by " + how +
                                         " or the environment variable TRIPLETEMBED_MODEL (the installed "
                                         "default, " +
                                         installed + ", is not there)");
  }
  return installed;
}

}  // namespace embed
