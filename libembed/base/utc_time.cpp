// SPDX-License-Identifier: LGPL-2.1-or-later
#include "embed/utc_time.h"

#include <cstdio>
#include <ctime>

namespace embed {

std::string utc_text(std::int64_t unix_ns) {
  constexpr std::int64_t kSecond = 1000000000, kMillisecond = 1000000;
  std::int64_t seconds = unix_ns / kSecond;
  std::int64_t rest = unix_ns % kSecond;
  if (rest < 0) {
    rest += kSecond;
    --seconds;
  }
  const auto whole = static_cast<std::time_t>(seconds);
  std::tm utc{};
  gmtime_r(&whole, &utc);
  char date[32], text[40];
  std::strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &utc);
  std::snprintf(text, sizeof text, "%s.%03dZ", date, static_cast<int>(rest / kMillisecond));
  return text;
}

}  // namespace embed
