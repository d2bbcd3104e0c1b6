// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gst/gst.h>

namespace embed::gst {

/// Asks the elements upstream of `sink_pad` whether a tripletdetect is among them.
bool detector_upstream(GstPad* sink_pad);
/// True for the query that detector_upstream sends; tripletdetect answers TRUE to it.
bool is_detector_query(GstQuery* query);

}  // namespace embed::gst
