// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gst/gst.h>

#include <cstddef>
#include <string>
#include <vector>

namespace embed::gst {

/// Bytes of any kind as the text that a GstStructure takes: those that are not UTF-8 are replaced. Null is
/// "".
std::string valid_text(const char* bytes);

/// float32 values → the fields of a [1, n] tensor in DL Streamer's convention, set on `structure`.
void set_tensor(GstStructure* structure, const std::string& model_name, const char* layer_name,
                const char* format, const float* values, std::size_t count);

/// The float32 values of a tensor; empty when there is no data_buffer of bytes.
std::vector<float> tensor_values(const GstStructure* structure);

}  // namespace embed::gst
