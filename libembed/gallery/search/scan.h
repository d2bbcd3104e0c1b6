// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>

#include "base/worker_pool.h"
#include "embed/embedding.h"
#include "gallery/search/code_scan.h"
#include "gallery/search/nearest_rows.h"
#include "gallery/search/rows.h"

namespace embed {

/// Finds the nearest rows for each of `count` queries, `queries` [count], and adds them to `out` [count]: the
/// same as if every row were measured. Large work is spread over the pool's threads. Any thread.
void scan_rows(const GalleryRows& rows, Metric metric, const Embedding* queries, std::size_t count,
               const ScanVariant& variant, WorkerPool& pool, NearestRows* out);
/// With this machine's fastest variant and all its processors.
void scan_rows(const GalleryRows& rows, Metric metric, const Embedding* queries, std::size_t count,
               NearestRows* out);

}  // namespace embed
