// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/torch_part.h"

#include <dlfcn.h>

#include "embed/error.h"

namespace training::cli {

namespace {

using embed::Error;
using embed::ErrorCode;

const TorchPart& load() {
  // By its name alone: the loader looks into the folders that the program was linked to look into.
  void* module = dlopen(kTorchPartFile, RTLD_NOW | RTLD_LOCAL);
  void* symbol = module == nullptr ? nullptr : dlsym(module, kTorchPartSymbol);
  if (symbol == nullptr) {
    const char* reason = dlerror();
    throw Error(ErrorCode::NotFound,
                std::string("the part of triplet-train that needs LibTorch cannot be loaded: ") +
                    (reason == nullptr ? "no reason given" : reason),
                kTorchPartFile);
  }
  const TorchPart* part = reinterpret_cast<TorchPartFunction>(symbol)(TRIPLETEMBED_VERSION);
  if (part == nullptr) {
    throw Error(ErrorCode::Mismatch,
                "belongs to another version of triplet-train than " TRIPLETEMBED_VERSION
                ": install both from one build",
                kTorchPartFile);
  }
  return *part;
}

}  // namespace

const TorchPart& torch_part() {
  static const TorchPart& part = load();
  return part;
}

}  // namespace training::cli
