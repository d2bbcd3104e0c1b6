// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>

#include "embed/strangers.h"
#include "fixtures.h"

/// Made-up people whose faces lie near to each other, and far from everybody else's.
namespace stranger_people {

/// Weights at whose table a newcomer to 32 groups is joined up to 0.25, to a hundred groups up to 0.2, and
/// one comparison alone goes wrong as rarely up to 0.4.
inline embed::ModelInfo weights() {
  embed::ModelInfo model;
  model.far_table = {{{1e-3, 0.4F}, {1e-5, 0.2F}}, 1000};
  model.sha256 = "abc";
  return model;
}

inline embed::Embedding unit(embed::Embedding face) {
  float square = 0;
  for (const float value : face) square += value * value;
  for (float& value : face) value /= std::sqrt(square);
  return face;
}

/// A face of a person: 0.03 from the person's mean on average.
inline embed::Embedding face_of(int person, int look) {
  embed::Embedding face = fixtures::random_embedding(static_cast<std::uint64_t>(person) + 1);
  const embed::Embedding noise =
      fixtures::random_embedding(1'000'000 + static_cast<std::uint64_t>(person * 997 + look));
  for (std::size_t i = 0; i < face.size(); ++i) face[i] += 0.25F * noise[i];
  return unit(face);
}

/// So far from face_of(person, 1) on the way to face_of(other, 1), as cosine distance.
inline embed::Embedding between(int person, int other, float distance) {
  const embed::Embedding from = face_of(person, 1);
  embed::Embedding across = face_of(other, 1);
  float along = 0;
  for (std::size_t i = 0; i < from.size(); ++i) along += from[i] * across[i];
  for (std::size_t i = 0; i < from.size(); ++i) across[i] -= along * from[i];
  across = unit(across);
  const float cosine = 1 - distance, sine = std::sqrt(1 - cosine * cosine);
  for (std::size_t i = 0; i < from.size(); ++i) across[i] = cosine * from[i] + sine * across[i];
  return across;
}

/// Ten embeddings of that weight together.
inline embed::StrangerSighting sighting(std::uint64_t stream, int track, const embed::Embedding& mean,
                                        float weight = 10, std::int64_t time = 1000) {
  return {stream, track, mean, weight, 10, time};
}

}  // namespace stranger_people
