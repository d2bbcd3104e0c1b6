// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "cli/evaluation.h"

namespace training::cli {

/// Packed pictures of one kind and the network that embeds them.
struct KindOfPicture {
  const Network& embedder;
  const embed::Dataset& set;
};

/// Verification, triplets and nearest neighbours across two kinds of picture: every image of `first` against
/// every one of `second`, identities matched by name. Throws embed::Error(Mismatch) when the two networks'
/// heads differ, or a set does not fit its network, and Error(InvalidArgument) when there is no genuine or no
/// impostor pair.
nlohmann::ordered_json evaluate_across(const KindOfPicture& first, const KindOfPicture& second,
                                       const EvaluationSettings& settings);

}  // namespace training::cli
