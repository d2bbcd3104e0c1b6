// SPDX-License-Identifier: LGPL-2.1-or-later
// A metric is chosen by name.
#include "embed/gallery.h"

#ifdef COMPILES
void test(embed::MatchOptions& options) {
  options.metric = embed::Metric::L1;
}
#else
void test(embed::MatchOptions& options) {
  options.metric = 0;
}
#endif
