// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

#define GST_TYPE_TRIPLET_BIN (gst_triplet_bin_get_type())
G_DECLARE_FINAL_TYPE(GstTripletBin, gst_triplet_bin, GST, TRIPLET_BIN, GstBin)

GST_ELEMENT_REGISTER_DECLARE(tripletbin)

G_END_DECLS
