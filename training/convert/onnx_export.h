// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>

namespace training {

/// Writes the network of a weights file as an ONNX model (IR version 5, opset 10: what old runtimes read
/// too), atomically. Input `images`: [N, C, H, W] float32, the crop's bytes as numbers from 0 to 255, RGB or
/// grey (normalisation is part of the graph; C, H and W are the network's, N is free). Output `embeddings`:
/// [N, 128] float32, the head applied. The file's metadata go along as metadata_props, so that the crop rule
/// and the threshold stay with the network. Throws what load_weights throws, and embed::Error(Io).
void export_onnx(const std::string& weights, const std::string& path);

}  // namespace training
