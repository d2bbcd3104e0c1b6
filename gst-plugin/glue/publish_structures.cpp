// SPDX-License-Identifier: LGPL-2.1-or-later
#include "glue/publish_structures.h"

#include "embed/error.h"

namespace embed::gst {

GstStructure* publish_stats_structure(const PublishStats& stats) {
  GstStructure* s = gst_structure_new_empty("tripletpublish-stats");
  const struct {
    const char* name;
    guint64 value;
  } counts[] = {
      {"accepted", stats.accepted},       {"delivered", stats.delivered},     {"dropped", stats.dropped},
      {"refused", stats.refused},         {"resent", stats.resent},           {"waiting", stats.waiting},
      {"spool-bytes", stats.spool_bytes}, {"connections", stats.connections}, {"failures", stats.failures},
  };
  for (const auto& count : counts) gst_structure_set(s, count.name, G_TYPE_UINT64, count.value, nullptr);
  gst_structure_set(s, "connected", G_TYPE_BOOLEAN, stats.connected ? TRUE : FALSE, nullptr);
  return s;
}

std::map<std::string, std::string> broker_options_of(const GstStructure* options) {
  std::map<std::string, std::string> all;
  for (gint i = 0; options != nullptr && i < gst_structure_n_fields(options); ++i) {
    const gchar* name = gst_structure_nth_field_name(options, static_cast<guint>(i));
    const GValue* value = gst_structure_get_value(options, name);
    GValue text = G_VALUE_INIT;
    g_value_init(&text, G_TYPE_STRING);
    const bool boolean = G_VALUE_HOLDS_BOOLEAN(value);
    if (!boolean && !g_value_transform(value, &text))
      throw Error(ErrorCode::InvalidArgument,
                  std::string("options: ") + name + ": expected a text, a number or a boolean");
    const gchar* held = boolean ? (g_value_get_boolean(value) ? "true" : "false") : g_value_get_string(&text);
    all[name] = held != nullptr ? held : "";
    g_value_unset(&text);
  }
  return all;
}

}  // namespace embed::gst
