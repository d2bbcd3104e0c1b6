// SPDX-License-Identifier: LGPL-2.1-or-later
#include "glue/tensor_params.h"

#include <cstring>

namespace embed::gst {
namespace {

constexpr int kPrecisionFp32 = 10;
constexpr int kLayoutNc = 193;

// GValueArray is deprecated, but it is what the readers of "dims" take.
G_GNUC_BEGIN_IGNORE_DEPRECATIONS
void set_dims(GstStructure* structure, std::size_t count) {
  GValueArray* dims = g_value_array_new(2);
  for (const auto size : {std::size_t{1}, count}) {
    GValue value = G_VALUE_INIT;
    g_value_init(&value, G_TYPE_UINT);
    g_value_set_uint(&value, static_cast<guint>(size));
    g_value_array_append(dims, &value);
    g_value_unset(&value);
  }
  gst_structure_set_array(structure, "dims", dims);
  g_value_array_free(dims);
}
G_GNUC_END_IGNORE_DEPRECATIONS

}  // namespace

std::string valid_text(const char* bytes) {
  if (bytes == nullptr) return {};
  if (g_utf8_validate(bytes, -1, nullptr) != FALSE) return bytes;
  g_autofree gchar* valid = g_utf8_make_valid(bytes, -1);
  return valid;
}

void set_tensor(GstStructure* structure, const std::string& model_name, const char* layer_name,
                const char* format, const float* values, std::size_t count) {
  gst_structure_set(structure, "model_name", G_TYPE_STRING, valid_text(model_name.c_str()).c_str(),
                    "layer_name", G_TYPE_STRING, layer_name, "format", G_TYPE_STRING, format, "precision",
                    G_TYPE_INT, kPrecisionFp32, "layout", G_TYPE_INT, kLayoutNc, nullptr);
  set_dims(structure, count);
  GVariant* bytes = g_variant_new_fixed_array(G_VARIANT_TYPE_BYTE, values, count * sizeof(float), 1);
  GValue data = G_VALUE_INIT;
  g_value_init(&data, G_TYPE_VARIANT);
  g_value_set_variant(&data, bytes);
  gst_structure_take_value(structure, "data_buffer", &data);
}

std::vector<float> tensor_values(const GstStructure* structure) {
  const GValue* value = gst_structure_get_value(structure, "data_buffer");
  if (value == nullptr || !G_VALUE_HOLDS_VARIANT(value)) return {};
  GVariant* variant = g_value_get_variant(value);
  if (variant == nullptr || g_variant_is_of_type(variant, G_VARIANT_TYPE("ay")) == FALSE) return {};
  gsize size = 0;
  const gconstpointer data = g_variant_get_fixed_array(variant, &size, 1);
  std::vector<float> values(size / sizeof(float));
  if (!values.empty()) std::memcpy(values.data(), data, values.size() * sizeof(float));
  return values;
}

}  // namespace embed::gst
