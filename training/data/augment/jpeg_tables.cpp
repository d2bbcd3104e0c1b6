// SPDX-License-Identifier: LGPL-2.1-or-later
#include "data/augment/jpeg_tables.h"

#include <cmath>

namespace training {

const JpegTables& jpeg_tables() {
  static const JpegTables tables = [] {
    JpegTables made = {
        {},
        {16, 11,  10,  16, 24, 40, 51, 61, 12,  12,  14,  19,  26, 58, 60, 55,  14,  13,  16,  24, 40, 57,
         69, 56,  14,  17, 22, 29, 51, 87, 80,  62,  18,  22,  37, 56, 68, 109, 103, 77,  24,  35, 55, 64,
         81, 104, 113, 92, 49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98,  112, 100, 103, 99},
        {17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99, 24, 26, 56, 99, 99, 99,
         99, 99, 47, 66, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
         99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99}};
    for (int k = 0; k < kJpegSide; ++k) {
      for (int x = 0; x < kJpegSide; ++x) {
        made.cosines[k * kJpegSide + x] =
            static_cast<float>((k == 0 ? std::sqrt(0.125) : 0.5) * std::cos((2 * x + 1) * k * M_PI / 16));
      }
    }
    return made;
  }();
  return tables;
}

}  // namespace training
