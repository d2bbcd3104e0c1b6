// SPDX-License-Identifier: LGPL-2.1-or-later
#include "glue/stats_structure.h"

namespace embed::gst {

GstStructure* stats_structure(const EmbedStats& stats, std::size_t queue_depth) {
  GstStructure* s = gst_structure_new_empty("tripletembed-stats");
  const struct {
    const char* name;
    guint64 value;
  } counts[] = {
      {"frames", stats.frames},
      {"faces", stats.faces},
      {"embedded", stats.embedded},
      {"named", stats.named},
      {"bad-regions", stats.rejected},
      {"drops", stats.drops},
      {"predicted", stats.predicted},
      {"queue-depth", queue_depth},
      {"batches", stats.batches},
      {"wait-time", stats.wait_time},
      {"preprocess-time", stats.preprocess_time},
      {"infer-time", stats.infer_time},
      {"match-time", stats.match_time},
  };
  for (const auto& count : counts) gst_structure_set(s, count.name, G_TYPE_UINT64, count.value, nullptr);
  gst_structure_set(s, "mean-batch-size", G_TYPE_DOUBLE, stats.mean_batch_size, nullptr);
  for (const Reason reason : kReasons) {
    const auto found = stats.unnamed.find(reason);
    const guint64 count = found != stats.unnamed.end() ? found->second : 0;
    gst_structure_set(s, to_string(reason), G_TYPE_UINT64, count, nullptr);
  }
  return s;
}

}  // namespace embed::gst
