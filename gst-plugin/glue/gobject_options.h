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
void add_pads(GstElementClass* element_class, const char* caps);

/// What became of a value that a property was to have.
enum class SetResult {
  Taken,
  Refused,  ///< The element is on its way to PAUSED or beyond, and the option is Takes::AtStart.
  Unknown,  ///< Not a property of install_options.
};

/// Puts the value of a property into `values`, unless it cannot change in the element's state. To set what
/// the value is already is never refused. The caller holds the object lock, which guards `values`.
SetResult set_option(GstElement* element, OptionValues& values, guint property_id, const GValue* value);
/// Posts a warning of a value that was refused. Call it without the object lock.
void report(GstElement* element, guint property_id, GParamSpec* spec, SetResult result);

/// The body of set_property for the ids that install_options gave. Calls `changed` under the object lock when
/// `values` have changed.
template <typename Changed>
void set_property(GObject* object, OptionValues& values, guint property_id, const GValue* value,
                  GParamSpec* spec, Changed&& changed) {
  GST_OBJECT_LOCK(object);
  const SetResult result = set_option(GST_ELEMENT(object), values, property_id, value);
  if (result == SetResult::Taken) changed();
  GST_OBJECT_UNLOCK(object);
  report(GST_ELEMENT(object), property_id, spec, result);
}

/// The body of get_property for these ids. Takes the object lock.
void get_property(GObject* object, const OptionValues& values, guint property_id, GValue* value,
                  GParamSpec* spec);

}  // namespace embed::gst
