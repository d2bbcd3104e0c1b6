// SPDX-License-Identifier: LGPL-2.1-or-later
#include <dlfcn.h>

#include "embed/error.h"
#include "face_reader/face_reader.h"

namespace face_reader {

namespace {

using embed::Error;
using embed::ErrorCode;

MakeReader load() {
  // By its name alone: the loader looks into the folders that the program was linked to look into.
  void* module = dlopen(kModuleFile, RTLD_NOW | RTLD_LOCAL);
  void* symbol = module == nullptr ? nullptr : dlsym(module, kModuleSymbol);
  if (symbol == nullptr) {
    const char* reason = dlerror();
    throw Error(ErrorCode::NotFound,
                std::string("the part of triplet-gallery that finds and embeds faces cannot be loaded: ") +
                    (reason == nullptr ? "no reason given" : reason),
                kModuleFile);
  }
  const MakeReader make = reinterpret_cast<ModuleFunction>(symbol)(TRIPLETEMBED_VERSION);
  if (make == nullptr) {
    throw Error(ErrorCode::Mismatch,
                "belongs to another version of triplet-gallery than " TRIPLETEMBED_VERSION
                ": install both from one build",
                kModuleFile);
  }
  return make;
}

}  // namespace

std::unique_ptr<FaceReader> make_face_reader(const ReaderOptions& options) {
  static const MakeReader make = load();
  return make(options);
}

}  // namespace face_reader
