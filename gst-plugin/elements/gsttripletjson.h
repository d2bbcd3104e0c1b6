// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gst/base/gstbasetransform.h>
#include <gst/gst.h>

G_BEGIN_DECLS

#define GST_TYPE_TRIPLET_JSON (gst_triplet_json_get_type())
G_DECLARE_FINAL_TYPE(GstTripletJson, gst_triplet_json, GST, TRIPLET_JSON, GstBaseTransform)

GST_ELEMENT_REGISTER_DECLARE(tripletjson)

G_END_DECLS
