// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gst/gst.h>

#include <exception>
#include <utility>

namespace embed::gst {

/// Posts an error message for `error` on the element's bus, in the domain and with the code that fit an
/// embed::Error (missing file: RESOURCE/NOT_FOUND, bad content: STREAM/FORMAT, …); any other exception is
/// LIBRARY/FAILED. Call it without the object lock. Never throws.
void post_error(GstElement* element, const std::exception& error) noexcept;

/// As post_error, a warning message.
void post_warning(GstElement* element, const std::exception& error) noexcept;

/// Runs `body` for a callback of GObject or GStreamer: an exception becomes an element error and `fallback`
/// is returned, so that nothing thrown crosses into C.
template <typename Result, typename Body>
Result guarded(GstElement* element, Result fallback, Body&& body) noexcept {
  try {
    return std::forward<Body>(body)();
  } catch (const std::exception& error) {
    post_error(element, error);
    return fallback;
  }
}

/// guarded() for callbacks that return nothing.
template <typename Body>
void guarded(GstElement* element, Body&& body) noexcept {
  try {
    std::forward<Body>(body)();
  } catch (const std::exception& error) {
    post_error(element, error);
  }
}

}  // namespace embed::gst
