// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gst/gst.h>

#include <vector>

#include "sessions/option_values.h"

namespace embed::gst {

/// Installs one GObject property for each option, with ids 1, 2, … in the table's order: Bool, Int, Double
/// and String as their GLib types, Choice as an enumeration registered as `prefix` + the option's name in
/// camel case. Call it from class_init; `options` must live as long as the process.
void install_options(GObjectClass* object_class, const char* prefix,
                     const std::vector<ElementOption>& options);

/// Gives the class a sink and a source pad that are always there and take these caps. Call it from
/// class_init.
void add_pads(GstElementClass* element_class, const char* sink_caps, const char* src_caps);
/// As above, with the same caps at both pads.
void add_pads(GstElementClass* element_class, const char* caps);

}  // namespace embed::gst
