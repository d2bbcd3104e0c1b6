// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gst/gst.h>

#include "sessions/gallery_actions.h"

namespace embed::gst {

/// Gives the class the action signals that change the gallery in use. Each returns whether it was done; where
/// it was not, the element posts a warning message that says why. `actions_of` finds those of an element.
/// Call it from class_init, for one class.
void install_gallery_signals(GObjectClass* object_class, GalleryActions& (*actions_of)(GstElement*));

}  // namespace embed::gst
