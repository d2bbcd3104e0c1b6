// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "embed/image_view.h"

namespace embed {

/// The shares of red and blue in luma; green's is what is left to 1 (ITU-R BT.601, BT.709, BT.2020).
struct LumaWeights {
  double red, blue;
};

inline LumaWeights luma_weights(YuvMatrix matrix) noexcept {
  switch (matrix) {
    case YuvMatrix::Bt709:
      return {0.2126, 0.0722};
    case YuvMatrix::Bt2020:
      return {0.2627, 0.0593};
    case YuvMatrix::Bt601:
      break;
  }
  return {0.299, 0.114};
}

}  // namespace embed
