// SPDX-License-Identifier: LGPL-2.1-or-later
#include "glue/frame_warnings.h"

#include "glue/detector_query.h"

namespace embed::gst {

namespace {

constexpr guint kFramesBeforeWarning = 100;
constexpr guint kFramesOfAShortStream = 10;
constexpr std::size_t kMostTypes = 8;
constexpr gint64 kPause = 5 * G_TIME_SPAN_SECOND;

}  // namespace

void FrameWarnings::see(GstPad* sink_pad, bool bare) {
  if (!watching_) return;
  if (!bare) {
    watching_ = false;
    return;
  }
  if (++bare_frames_ >= kFramesBeforeWarning) tell_of_none(sink_pad);
}

void FrameWarnings::tell_of_none(GstPad* sink_pad) {
  watching_ = false;
  if (detector_upstream(sink_pad)) return;
  GST_ELEMENT_WARNING(
      GST_PAD_PARENT(sink_pad), STREAM, FAILED,
      ("%u frames have come without a region of interest: tripletembed needs a face detector upstream, "
       "for example tripletdetect",
       bare_frames_),
      (nullptr));
}

void FrameWarnings::see_types(GstElement* element, GstBuffer* buffer, const RoiList& found,
                              const std::string& wanted) {
  if (!watching_types_) return;
  if (!found.rois.empty()) {
    watching_types_ = false;
    return;
  }
  for (const Roi& roi : read_regions(buffer, "", 0, 0).rois) {
    if (types_.size() >= kMostTypes) break;
    types_.insert(roi.type);
  }
  if (++other_frames_ >= kFramesBeforeWarning) tell_of_types(element, wanted);
}

void FrameWarnings::tell_of_types(GstElement* element, const std::string& wanted) {
  watching_types_ = false;
  std::string seen;
  for (const std::string& type : types_) seen += (seen.empty() ? "'" : ", '") + type + "'";
  GST_ELEMENT_WARNING(element, STREAM, FAILED,
                      ("%u frames have come with regions of interest of the types %s, and none of '%s': the "
                       "property object-class says which are embedded",
                       other_frames_, seen.c_str(), wanted.c_str()),
                      (nullptr));
}

void FrameWarnings::see_surplus(GstElement* element, std::size_t surplus, std::size_t most) {
  if (surplus == 0 || told_of_surplus_) return;
  told_of_surplus_ = true;
  GST_ELEMENT_WARNING(element, STREAM, FAILED,
                      ("a frame has %" G_GSIZE_FORMAT " regions of interest; the %" G_GSIZE_FORMAT
                       " largest are embedded (max-faces), and 'stats' counts the others as 'too-many'",
                       surplus + most, most),
                      (nullptr));
}

void FrameWarnings::end(GstPad* sink_pad, const std::string& wanted) {
  if (watching_ && bare_frames_ >= kFramesOfAShortStream) tell_of_none(sink_pad);
  if (watching_types_ && other_frames_ >= kFramesOfAShortStream)
    tell_of_types(GST_PAD_PARENT(sink_pad), wanted);
}

bool FrameWarnings::due(std::size_t rejected) {
  const gint64 now = g_get_monotonic_time();
  if (rejected == 0 || (last_ != 0 && now - last_ < kPause)) return false;
  last_ = now;
  return true;
}

void FrameWarnings::restart() noexcept {
  bare_frames_ = other_frames_ = 0;
  watching_ = watching_types_ = true;
  types_.clear();
  told_of_surplus_ = false;
}

void tell_of_strangers(GstElement* element, const std::string& trouble) {
  if (trouble.empty()) return;
  GST_ELEMENT_WARNING(element, RESOURCE, WRITE, ("strangers: %s", trouble.c_str()), (nullptr));
}

}  // namespace embed::gst
