// SPDX-License-Identifier: LGPL-2.1-or-later
#include <gst/gst.h>

#include "elements/gsttripletembed.h"
#include "elements/gsttripletjson.h"
#include "elements/gsttripletoverlay.h"
#include "elements/gsttripletpublish.h"
#include "elements/gsttriplettrack.h"
#include "glue/face_meta.h"
#ifdef TRIPLETEMBED_HAVE_FACES
#include "elements/gsttripletbin.h"
#include "elements/gsttripletdetect.h"
#endif

static gboolean plugin_init(GstPlugin* plugin) {
  embed::gst::register_face_meta();
  gboolean ok = GST_ELEMENT_REGISTER(tripletembed, plugin);
  ok = ok && GST_ELEMENT_REGISTER(tripletoverlay, plugin);
  ok = ok && GST_ELEMENT_REGISTER(tripletjson, plugin);
  ok = ok && GST_ELEMENT_REGISTER(tripletpublish, plugin);
  ok = ok && GST_ELEMENT_REGISTER(triplettrack, plugin);
#ifdef TRIPLETEMBED_HAVE_FACES
  ok = ok && GST_ELEMENT_REGISTER(tripletdetect, plugin);
  ok = ok && GST_ELEMENT_REGISTER(tripletbin, plugin);
#endif
  return ok;
}

GST_PLUGIN_DEFINE(GST_VERSION_MAJOR, GST_VERSION_MINOR, tripletembed, "Finds, embeds and names faces",
                  plugin_init, TRIPLETEMBED_VERSION, "LGPL", PACKAGE, TRIPLETEMBED_ORIGIN)
