// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

#define GST_TYPE_TRIPLET_EMBED (gst_triplet_embed_get_type())
G_DECLARE_FINAL_TYPE(GstTripletEmbed, gst_triplet_embed, GST, TRIPLET_EMBED, GstElement)

GST_ELEMENT_REGISTER_DECLARE(tripletembed)

G_END_DECLS
