// SPDX-License-Identifier: LGPL-2.1-or-later
// The regions of a frame, each once: ROI metas and detections of the relation meta.
#include <algorithm>
#include <string_view>
#include <unordered_set>

#include "glue/face_meta.h"
#include "glue/face_meta_analytics.h"
#include "glue/face_meta_roi.h"

namespace embed::gst {
namespace {

/// Whether a type is one of a comma-separated list.
bool is_listed(const std::string& type, std::string_view types) {
  while (true) {
    const std::size_t comma = std::min(types.find(','), types.size());
    std::string_view one = types.substr(0, comma);
    while (!one.empty() && one.front() == ' ') one.remove_prefix(1);
    while (!one.empty() && one.back() == ' ') one.remove_suffix(1);
    if (one.size() == type.size() && g_ascii_strncasecmp(one.data(), type.data(), one.size()) == 0)
      return true;
    if (comma == types.size()) return false;
    types.remove_prefix(comma + 1);
  }
}

/// A region that is on the frame: a ROI meta, a detection, or one face that is both.
struct Region {
  GstVideoRegionOfInterestMeta* meta = nullptr;
  const analytics::Detection* detection = nullptr;
  PixelRect box;

  std::string type() const { return meta != nullptr ? type_of(meta) : detection->type; }
};
using Regions = std::vector<Region>;

/// Pixels of a region that lie inside the frame.
std::int64_t visible_area(const PixelRect& box, int frame_width, int frame_height) {
  const auto inside = [](std::int64_t start, std::int64_t length, std::int64_t limit) {
    return std::min(start + length, limit) - std::min(start, limit);
  };
  return inside(box.x, box.width, frame_width) * inside(box.y, box.height, frame_height);
}

/// Takes all but the `most` largest out of `regions`, which keep their order, and returns them.
Regions take_surplus(Regions& regions, std::size_t most, int frame_width, int frame_height) {
  if (most == 0 || regions.size() <= most) return {};
  struct Ranked {
    std::int64_t area;
    std::size_t place;
  };
  std::vector<Ranked> ranking;
  ranking.reserve(regions.size());
  for (std::size_t i = 0; i < regions.size(); ++i)
    ranking.push_back({visible_area(regions[i].box, frame_width, frame_height), i});
  const auto cut = ranking.begin() + static_cast<std::ptrdiff_t>(most);
  std::nth_element(ranking.begin(), cut, ranking.end(), [](const Ranked& a, const Ranked& b) {
    return a.area != b.area ? a.area > b.area : a.place < b.place;
  });
  std::sort(ranking.begin(), cut, [](const Ranked& a, const Ranked& b) { return a.place < b.place; });
  Regions kept, surplus;
  for (auto ranked = ranking.begin(); ranked != ranking.end(); ++ranked)
    (ranked < cut ? kept : surplus).push_back(regions[ranked->place]);
  regions = std::move(kept);
  return surplus;
}

/// A detection as a ROI meta can hold it, whose edges are not negative.
PixelRect region_box(const analytics::Detection& detection) {
  const PixelRect& box = detection.box;
  const std::int64_t x = std::max<std::int64_t>(box.x, 0), y = std::max<std::int64_t>(box.y, 0);
  return {x, y, box.x + box.width - x, box.y + box.height - y};
}

/// All ROI metas, then the detections without one. A ROI meta with the id of a detection that an earlier one
/// belongs to is no face of its own: DL Streamer adds such to detections whose ROI meta has another id.
Regions find_regions(GstBuffer* buffer, const std::vector<analytics::Detection>& detections, int frame_width,
                     int frame_height) {
  Regions regions;
  std::vector<bool> taken(detections.size(), false);
  gpointer state = nullptr;
  while (GstMeta* found =
             gst_buffer_iterate_meta_filtered(buffer, &state, GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE)) {
    Region region;
    region.meta = reinterpret_cast<GstVideoRegionOfInterestMeta*>(found);
    region.box = box_of(region.meta);
    bool repeated = false;
    const std::string type = type_of(region.meta);
    for (std::size_t i = 0; i < detections.size(); ++i) {
      if (!analytics::is_at(detections[i], {type, region.box, frame_width, frame_height})) continue;
      repeated = repeated || (taken[i] && region.meta->id == static_cast<gint>(detections[i].id));
      taken[i] = true;
      if (region.detection == nullptr) region.detection = &detections[i];
    }
    if (!repeated) regions.push_back(region);
  }
  for (std::size_t i = 0; i < detections.size(); ++i) {
    const PixelRect box = region_box(detections[i]);
    if (!taken[i] && box.width > 0 && box.height > 0) regions.push_back({nullptr, &detections[i], box});
  }
  return regions;
}

Roi roi_of(GstBuffer* buffer, const Region& region, int frame_width, int frame_height) {
  Roi roi;
  if (region.meta != nullptr) {
    roi = read_roi(region.meta, frame_width, frame_height);
  } else {
    roi.id = static_cast<int>(region.detection->id);
    roi.type = region.detection->type;
    roi.box = region.box;
  }
  if (region.detection == nullptr) return roi;
  if (!roi.confidence) roi.confidence = region.detection->confidence;
  if (roi.track == 0) roi.track = analytics::track_of(buffer, region.detection->id);
  return roi;
}

/// The regions of these types, and those that are left out as too many.
struct Found {
  Regions regions;
  Regions surplus;
};

Found find_listed(GstBuffer* buffer, const std::vector<analytics::Detection>& detections,
                  const std::string& types, int frame_width, int frame_height, std::size_t most) {
  Found found;
  found.regions = find_regions(buffer, detections, frame_width, frame_height);
  if (!types.empty()) {
    const auto is_other = [&types](const Region& region) { return !is_listed(region.type(), types); };
    found.regions.erase(std::remove_if(found.regions.begin(), found.regions.end(), is_other),
                        found.regions.end());
  }
  found.surplus = take_surplus(found.regions, most, frame_width, frame_height);
  return found;
}

RoiList list_of(GstBuffer* buffer, const Found& found, int frame_width, int frame_height) {
  RoiList list;
  list.surplus = found.surplus.size();
  for (const Region& region : found.surplus)
    if (region.meta != nullptr) list.surplus_ids.insert(region.meta->id);
  list.rois.reserve(found.regions.size());
  for (const Region& region : found.regions) {
    list.rois.push_back(roi_of(buffer, region, frame_width, frame_height));
    list.metas.push_back(region.meta);
    list.detections.push_back(region.detection != nullptr ? static_cast<int>(region.detection->id) : -1);
  }
  return list;
}

/// Gives a detection the ROI meta that it has none of.
void add_meta(GstBuffer* buffer, Region& region, int frame_width, int frame_height) {
  const PixelRect& box = region.box;
  region.meta = gst_buffer_add_video_region_of_interest_meta(
      buffer, region.detection->type.c_str(), static_cast<guint>(box.x), static_cast<guint>(box.y),
      static_cast<guint>(box.width), static_cast<guint>(box.height));
  region.meta->id = fresh_id();
  gst_video_region_of_interest_meta_add_param(
      region.meta, detection_param(rect_of(region.detection->box), region.detection->confidence, frame_width,
                                   frame_height));
}

}  // namespace

bool has_regions(GstBuffer* buffer) {
  return gst_buffer_get_video_region_of_interest_meta(buffer) != nullptr || analytics::has_detections(buffer);
}

RoiList read_regions(GstBuffer* buffer, const std::string& types, int frame_width, int frame_height,
                     std::size_t most) {
  const auto detections = analytics::read_detections(buffer);
  const Found found = find_listed(buffer, detections, types, frame_width, frame_height, most);
  return list_of(buffer, found, frame_width, frame_height);
}

RoiList read_rois(GstBuffer* buffer, const std::string& types, int frame_width, int frame_height,
                  std::size_t most) {
  const auto detections = analytics::read_detections(buffer);
  Found found = find_listed(buffer, detections, types, frame_width, frame_height, most);
  for (Region& region : found.regions)
    if (region.meta == nullptr) add_meta(buffer, region, frame_width, frame_height);
  return list_of(buffer, found, frame_width, frame_height);
}

void assign_ids(RoiList& list) {
  std::unordered_set<int> taken = list.surplus_ids;
  taken.insert(0);
  for (const Roi& roi : list.rois) taken.insert(roi.id);
  // A region that nobody embeds must not be taken for one that has a name.
  std::unordered_set<int> seen = list.surplus_ids;
  seen.insert(0);
  for (std::size_t i = 0; i < list.rois.size(); ++i) {
    int& id = list.rois[i].id;
    if (seen.insert(id).second) continue;
    do {
      id = fresh_id();
    } while (!taken.insert(id).second);
    list.metas[i]->id = id;
  }
}

}  // namespace embed::gst
