// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <memory>
#include <string>

#include "embed/embedder.h"
#include "embed/model_info.h"
#include "net/net.h"

namespace embed {

struct LoadedNet {
  ModelInfo info;
  std::string device, precision;  ///< What "auto" became.
  std::unique_ptr<Net> net;
};

/// Reads the weights and lays them out for the device: on our own kernels where there are some for the
/// precision and this CPU, with CUDA graphs on a GPU, else on LibTorch's layers. Throws what Embedder's
/// constructor throws.
LoadedNet load_net(const std::string& weights_file, const EmbedderOptions& options);

/// The device and the precision as what they become: the same text for the same place. Throws
/// Error(InvalidArgument | Device).
std::string placement_of(const EmbedderOptions& options);

}  // namespace embed
