// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gst/base/gstbasetransform.h>
#include <gst/gst.h>

G_BEGIN_DECLS

#define GST_TYPE_TRIPLET_OVERLAY (gst_triplet_overlay_get_type())
G_DECLARE_FINAL_TYPE(GstTripletOverlay, gst_triplet_overlay, GST, TRIPLET_OVERLAY, GstBaseTransform)

GST_ELEMENT_REGISTER_DECLARE(tripletoverlay)

G_END_DECLS
