// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gst/base/gstbasetransform.h>
#include <gst/gst.h>

G_BEGIN_DECLS

#define GST_TYPE_TRIPLET_PUBLISH (gst_triplet_publish_get_type())
G_DECLARE_FINAL_TYPE(GstTripletPublish, gst_triplet_publish, GST, TRIPLET_PUBLISH, GstBaseTransform)

GST_ELEMENT_REGISTER_DECLARE(tripletpublish)

G_END_DECLS
