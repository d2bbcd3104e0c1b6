// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gst/gst.h>

#include <cstddef>

#include "sessions/embed_session.h"

namespace embed::gst {

/// tripletembed's property `stats`; the caller's. `queue_depth`: frames in the element now.
GstStructure* stats_structure(const EmbedStats& stats, std::size_t queue_depth);

}  // namespace embed::gst
