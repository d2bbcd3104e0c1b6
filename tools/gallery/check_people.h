// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "embed/gallery.h"
#include "gallery/people.h"

namespace gallery_tool {

/// Two people whose means lie within the threshold: maybe one.
struct SamePerson {
  std::int64_t first = -1, second = -1;
  float distance = 0;
};

/// A person whose rows fall into two groups, the means of which lie beyond apart_distance(): maybe two
/// people.
struct TwoPeople {
  std::int64_t who = -1;
  std::vector<std::size_t> fewer;  ///< The rows of the smaller group.
  std::size_t more = 0;            ///< The size of the other one.
  float distance = 0;
};

/// A person of whom there are few rows, or none of which shows the face well.
struct Weak {
  std::int64_t who = -1;
  std::size_t rows = 0;
  std::optional<float> best_quality;
};

struct PeopleFindings {
  std::vector<SamePerson> same;  ///< The nearest first.
  std::vector<TwoPeople> two;    ///< The farthest apart first.
  std::vector<Weak> few, poor;
  std::size_t looked_at = 0;  ///< Whom `same` is about: each beside all others.
};

/// Fewer rows than these are too few, …
inline constexpr std::size_t kFewRows = 3;
/// … and a best row of less quality is too poor.
inline constexpr float kPoorQuality = 0.5F;

/// Looks at every person, and at a sample of them, spread evenly, beside all others: as many as make 4·10⁹
/// comparisons.
PeopleFindings check_people(const embed::Gallery& gallery, const PeopleRows& people, float threshold,
                            float apart);

}  // namespace gallery_tool
