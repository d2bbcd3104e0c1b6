// SPDX-License-Identifier: LGPL-2.1-or-later
// Crops are bytes: numbers that are already normalised must not slip in.
#include "embed/embedder.h"

#ifdef COMPILES
using Value = std::uint8_t;
#else
using Value = float;
#endif
void test(const embed::Embedder& embedder, const Value* crops, embed::Embedding* out) {
  embedder.embed_crops(crops, 1, out);
}
