// SPDX-License-Identifier: LGPL-2.1-or-later
#include "faces/network_kinds.h"

#include "faces/centerface_decode.h"
#include "faces/yunet_decode.h"

namespace embed::faces {

const std::vector<NetworkKind>& network_kinds() {
  static const std::vector<NetworkKind> kinds = {
      {"yunet", "yunet (2022mar)", {"loc", "conf", "iou"}, false, true, decode_march_2022},
      {"yunet",
       "yunet (2023mar)",
       {"cls_8", "cls_16", "cls_32", "obj_8", "obj_16", "obj_32", "bbox_8", "bbox_16", "bbox_32", "kps_8",
        "kps_16", "kps_32"},
       false,
       true,
       decode_march_2023},
      // The published file numbers its outputs: heat map, scale, offset, landmarks.
      {"centerface", "centerface", {"537", "538", "539", "540"}, true, false, decode_centerface},
  };
  return kinds;
}

std::string files_to_take(const std::string& detector) {
  const std::string yunet =
      "face_detection_yunet_2023mar.onnx or face_detection_yunet_2022mar.onnx of the OpenCV model zoo (not a "
      "quantised variant)";
  const std::string centerface = "centerface.onnx as CenterFace's authors publish it";
  if (detector == "yunet") return "take " + yunet;
  if (detector == "centerface") return "take " + centerface;
  return "take " + yunet + ", or " + centerface;
}

}  // namespace embed::faces
