// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "embed/gallery.h"
#include "gallery/search/nearest_rows.h"
#include "gallery/search/rows.h"

namespace embed {

/// The nearest-identity rule: who a face is, or why it is nobody, from the nearest rows of a gallery that has
/// rows. With k > 1 the identity with most of the k rows wins, at the distance of its nearest one.
Match decide(const NearestRows& found, const MatchOptions& options);

/// Takes the name back where `query` is nearer to one of its identity's counter-examples than match.distance:
/// the face is then unknown as rejected.
void heed_counter_examples(const GalleryRows& counter_examples, Metric metric, const Embedding& query,
                           Match& match);

}  // namespace embed
