// SPDX-License-Identifier: LGPL-2.1-or-later
#include "glue/camera_name.h"

#include "embed/address.h"

namespace embed::gst {
namespace {

std::string upstream_uri(GstPad* sink_pad) {
  GstQuery* query = gst_query_new_uri();
  std::string uri;
  if (gst_pad_peer_query(sink_pad, query) != FALSE) {
    g_autofree gchar* found = nullptr;
    gst_query_parse_uri(query, &found);
    if (found != nullptr) uri = found;
  }
  gst_query_unref(query);
  return uri;
}

}  // namespace

const std::string& CameraName::of(GstPad* sink_pad, const std::string& camera) {
  if (!known_ || camera != camera_) {
    camera_ = camera;
    name_ = public_address(camera.empty() ? upstream_uri(sink_pad) : camera);
    known_ = true;
  }
  return name_;
}

}  // namespace embed::gst
