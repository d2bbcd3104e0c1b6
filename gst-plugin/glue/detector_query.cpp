// SPDX-License-Identifier: LGPL-2.1-or-later
#include "glue/detector_query.h"

namespace embed::gst {
namespace {
constexpr char kName[] = "tripletembed-detector";
}

bool detector_upstream(GstPad* sink_pad) {
  GstQuery* query = gst_query_new_custom(GST_QUERY_CUSTOM, gst_structure_new_empty(kName));
  const bool answered = gst_pad_peer_query(sink_pad, query) != FALSE;
  gst_query_unref(query);
  return answered;
}

bool is_detector_query(GstQuery* query) {
  if (GST_QUERY_TYPE(query) != GST_QUERY_CUSTOM) return false;
  const GstStructure* structure = gst_query_get_structure(query);
  return structure != nullptr && gst_structure_has_name(structure, kName) != FALSE;
}

}  // namespace embed::gst
