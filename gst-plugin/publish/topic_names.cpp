// SPDX-License-Identifier: LGPL-2.1-or-later
#include "publish/topic_names.h"

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <cstdint>

#include "embed/error.h"
#include "embed/safetensors.h"

namespace embed::gst {
namespace {

constexpr std::size_t kMostBytes = 200;
constexpr std::size_t kMostTopicBytes = 1024;
constexpr std::size_t kMostKafkaBytes = 249;
constexpr std::size_t kIdDigits = 16;

/// The length of the well-formed UTF-8 sequence at `at`, else 0: none that is too long, no surrogates.
std::size_t sequence_at(const std::string& text, std::size_t at) {
  const auto byte = [&](std::size_t i) -> unsigned {
    return at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0U;
  };
  const auto tail = [&](std::size_t i) { return (byte(i) & 0xC0U) == 0x80U; };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return tail(1) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    if (!tail(1) || !tail(2)) return 0;
    if (first == 0xE0 && byte(1) < 0xA0) return 0;
    if (first == 0xED && byte(1) > 0x9F) return 0;
    return 3;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    if (!tail(1) || !tail(2) || !tail(3)) return 0;
    if (first == 0xF0 && byte(1) < 0x90) return 0;
    if (first == 0xF4 && byte(1) > 0x8F) return 0;
    return 4;
  }
  return 0;
}

bool is_control(const std::string& text, std::size_t at, std::size_t length) {
  const auto byte = static_cast<unsigned char>(text[at]);
  if (length == 1) return byte < 0x20 || byte == 0x7F;
  // U+0080 to U+009F, U+FFFE and U+FFFF, which brokers may refuse.
  if (length == 2) return byte == 0xC2 && static_cast<unsigned char>(text[at + 1]) < 0xA0;
  return length == 3 && byte == 0xEF && static_cast<unsigned char>(text[at + 1]) == 0xBF &&
         static_cast<unsigned char>(text[at + 2]) >= 0xBE;
}

std::string percent(unsigned char byte) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  return {'%', kDigits[byte >> 4U], kDigits[byte & 15U]};
}

}  // namespace

std::string stable_id(const std::string& name) {
  return sha256_hex(name.data(), name.size()).substr(0, kIdDigits);
}

std::string topic_level(const std::string& name) {
  if (name.empty()) return "%";
  const std::size_t room = kMostBytes - kIdDigits - 2;
  std::string level;
  std::size_t kept = 0;  // Of `level`, where the name has to be cut.
  for (std::size_t at = 0; at < name.size();) {
    const std::size_t length = std::max<std::size_t>(sequence_at(name, at), 1);
    const bool plain = sequence_at(name, at) != 0 && !is_control(name, at, length) &&
                       std::string_view("/+#%").find(name[at]) == std::string_view::npos;
    for (std::size_t i = 0; i < length; ++i)
      level += plain ? std::string(1, name[at + i]) : percent(static_cast<unsigned char>(name[at + i]));
    at += length;
    if (level.size() <= room) kept = level.size();
    if (level.size() > kMostBytes) return level.substr(0, kept) + "%-" + stable_id(name);
  }
  return level;
}

std::string shown_name(const std::string& name) {
  std::string shown;
  for (std::size_t at = 0; at < name.size();) {
    const std::size_t length = sequence_at(name, at);
    const std::string part = length == 0                    ? "\xEF\xBF\xBD"
                             : is_control(name, at, length) ? " "
                                                            : name.substr(at, length);
    if (shown.size() + part.size() > kMostBytes - 3) return shown + "…";
    shown += part;
    at += std::max<std::size_t>(length, 1);
  }
  return shown;
}

void check_mqtt_topic(const std::string& topic) {
  bool good = !topic.empty() && topic.size() <= kMostTopicBytes && topic.front() != '/' &&
              topic.back() != '/' && topic.front() != '$' && topic.find_first_of("+#") == std::string::npos;
  for (std::size_t at = 0; good && at < topic.size();) {
    const std::size_t length = sequence_at(topic, at);
    good = length != 0 && !is_control(topic, at, length);
    at += std::max<std::size_t>(length, 1);
  }
  if (!good)
    throw Error(
        ErrorCode::InvalidArgument,
        "topic: expected 1 to 1024 bytes of UTF-8 without '+', '#' and control characters, without '/' "
        "at either end, and without '$' at the start");
}

void check_kafka_topic(const std::string& topic) {
  const auto allowed = [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '.' || c == '_' || c == '-';
  };
  if (topic.empty() || topic.size() > kMostKafkaBytes || !std::all_of(topic.begin(), topic.end(), allowed) ||
      topic == "." || topic == "..")
    throw Error(ErrorCode::InvalidArgument,
                "topic: expected Kafka's, 1 to 249 letters, digits, '.', '_' and '-'");
}

}  // namespace embed::gst
