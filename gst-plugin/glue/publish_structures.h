// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gst/gst.h>

#include <map>
#include <string>

#include "publish/message.h"

namespace embed::gst {

/// tripletpublish's property `stats`; the caller's.
GstStructure* publish_stats_structure(const PublishStats& stats);

/// The fields of tripletpublish's property `options`, each as text; none of a null structure. Throws
/// Error(InvalidArgument) for a field that is not a text, a number or a boolean.
std::map<std::string, std::string> broker_options_of(const GstStructure* options);

}  // namespace embed::gst
