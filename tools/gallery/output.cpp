// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gallery/output.h"

#include "command_line/console.h"
#include "embed/printable.h"
#include "embed/utc_time.h"

namespace gallery_tool {

std::string shown(const std::string& text) {
  constexpr std::size_t kMost = 80;
  if (text.size() <= kMost) return embed::printable(text);
  std::size_t end = kMost;
  // Not within a character of UTF-8.
  while (end > kMost - 4 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  return embed::printable(text.substr(0, end)) + "…";
}

std::string counted(std::size_t count, const char* one) {
  return std::to_string(count) + ' ' + one + (count == 1 ? "" : "s");
}

std::string date_text(std::int64_t seconds) {
  constexpr std::int64_t kMost = 9'000'000'000;  // Beyond the year 2255 nanoseconds overflow.
  if (seconds == 0) return {};
  if (seconds > kMost || seconds < -kMost) return std::to_string(seconds) + " s";
  return embed::utc_text(seconds * 1'000'000'000).substr(0, 19) + "Z";
}

std::string json_text(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

void Refusals::add(const std::string& input, const std::string& why) {
  command_line::print_error("triplet-gallery: %s: refused: %s\n", shown(input).c_str(), why.c_str());
  refused_.push_back({input, why});
}

Json Refusals::json() const {
  Json all = Json::array();
  for (const Refused& one : refused_) all.push_back({{"input", one.input}, {"why", one.why}});
  return all;
}

int Refusals::status(std::size_t taken) const noexcept {
  if (refused_.empty()) return 0;
  return taken > 0 ? 3 : 1;
}

}  // namespace gallery_tool
