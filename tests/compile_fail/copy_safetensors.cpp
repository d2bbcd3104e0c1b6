// SPDX-License-Identifier: LGPL-2.1-or-later
// Views point into the mapping that the file object owns.
#include <utility>

#include "embed/safetensors.h"

#ifdef COMPILES
embed::SafetensorsFile test(embed::SafetensorsFile& file) {
  return std::move(file);
}
#else
embed::SafetensorsFile test(embed::SafetensorsFile& file) {
  return file;
}
#endif
