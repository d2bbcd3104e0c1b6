// SPDX-License-Identifier: LGPL-2.1-or-later
#include "embed/utc_time.h"

#include <gtest/gtest.h>

#include <limits>

namespace {

TEST(UtcText, IsRfc3339InWholeMilliseconds) {
  const struct {
    std::int64_t ns;
    const char* text;
  } cases[] = {
      {0, "1970-01-01T00:00:00.000Z"},
      {999'999, "1970-01-01T00:00:00.000Z"},
      {1'000'000, "1970-01-01T00:00:00.001Z"},
      {1'000'000'000'123'456'789, "2001-09-09T01:46:40.123Z"},
      {951'782'399'999'999'999, "2000-02-28T23:59:59.999Z"},
      {951'782'400'000'000'000, "2000-02-29T00:00:00.000Z"},
      {-1, "1969-12-31T23:59:59.999Z"},
      {-1'000'000'000, "1969-12-31T23:59:59.000Z"},
      {std::numeric_limits<std::int64_t>::max(), "2262-04-11T23:47:16.854Z"},
      {std::numeric_limits<std::int64_t>::min(), "1677-09-21T00:12:43.145Z"},
  };
  for (const auto& c : cases) EXPECT_EQ(embed::utc_text(c.ns), c.text) << c.ns;
}

}  // namespace
