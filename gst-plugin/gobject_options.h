// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gst/gst.h>

#include <vector>

#include "option_values.h"

namespace embed::gst {

/// Installs one GObject property for each option, with ids 1, 2, … in the table's order: Bool, Int, Double
/// and String as their GLib types, Choice as an enumeration registered as `prefix` + the option's name in
/// camel case. Call it from class_init; `options` must live as long as the process.
void install_options(GObjectClass* object_class, const char* prefix,
                     const std::vector<ElementOption>& options);

/// The bodies of set_property and get_property for the ids that install_options gave. False for any other id.
/// The caller holds the lock that guards `values`.
bool set_option(OptionValues& values, guint property_id, const GValue* value);
bool get_option(const OptionValues& values, guint property_id, GValue* value);

}  // namespace embed::gst
