// SPDX-License-Identifier: LGPL-2.1-or-later
// An Embedder holds a device's memory: it is shared, not copied.
#include "embed/embedder.h"

void use(const embed::Embedder&);
#ifdef COMPILES
void test(const embed::Embedder& embedder) {
  use(embedder);
}
#else
void test(const embed::Embedder& embedder) {
  embed::Embedder copy = embedder;
  use(copy);
}
#endif
