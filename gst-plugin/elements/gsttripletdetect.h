// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gst/base/gstbasetransform.h>
#include <gst/gst.h>

G_BEGIN_DECLS

#define GST_TYPE_TRIPLET_DETECT (gst_triplet_detect_get_type())
G_DECLARE_FINAL_TYPE(GstTripletDetect, gst_triplet_detect, GST, TRIPLET_DETECT, GstBaseTransform)

GST_ELEMENT_REGISTER_DECLARE(tripletdetect)

G_END_DECLS
