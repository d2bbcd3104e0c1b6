// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "embed/gallery.h"

namespace gallery_reference {

/// The nearest-identity rule as it is written in docs/design.md: every row is measured, then the rule is
/// applied to the list of distances, with no regard for speed.
embed::Match match(const embed::Gallery& gallery, const embed::Embedding& query,
                   const embed::MatchOptions& options);

/// That two answers are the same to the last bit.
void expect_same(const embed::Match& answer, const embed::Match& expected);

}  // namespace gallery_reference
