// SPDX-License-Identifier: LGPL-2.1-or-later
#include "embed/default_weights.h"

#include <dlfcn.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "embed/error.h"

namespace embed {

namespace {

/// Beside the library that this function is in, where that is part of an installed tree; else empty.
std::string beside_library() {
  constexpr const char* kWay = TRIPLETEMBED_WEIGHTS_FROM_LIBRARY;
  Dl_info library{};
  if (*kWay == '\0' || ::dladdr(reinterpret_cast<const void*>(&default_weights), &library) == 0 ||
      library.dli_fname == nullptr)
    return {};
  std::error_code failure;
  const std::filesystem::path file = std::filesystem::canonical(library.dli_fname, failure);
  if (failure) return {};
  return (file.parent_path() / kWay).lexically_normal().string();
}

}  // namespace

std::string default_weights(const std::string& how) {
  const char* variable = std::getenv("TRIPLETEMBED_MODEL");
  if (variable != nullptr && *variable != '\0') return variable;
  const std::string installed = TRIPLETEMBED_DEFAULT_WEIGHTS, beside = beside_library();
  for (const std::string& path : {beside, installed}) {
    if (!path.empty() && std::ifstream(path)) return path;
  }
  throw Error(ErrorCode::NotFound, "no weights: name a file by " + how +
                                       " or the environment variable TRIPLETEMBED_MODEL (the installed "
                                       "default, " +
                                       installed + ", is not there)");
}

}  // namespace embed
