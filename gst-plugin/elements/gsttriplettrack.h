// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gst/base/gstbasetransform.h>
#include <gst/gst.h>

G_BEGIN_DECLS

#define GST_TYPE_TRIPLET_TRACK (gst_triplet_track_get_type())
G_DECLARE_FINAL_TYPE(GstTripletTrack, gst_triplet_track, GST, TRIPLET_TRACK, GstBaseTransform)

GST_ELEMENT_REGISTER_DECLARE(triplettrack)

G_END_DECLS
