// SPDX-License-Identifier: LGPL-2.1-or-later
#include "publish/message.h"

#include <cstring>

#include "embed/error.h"

namespace embed::gst {
namespace {

void put_text(std::string& record, const std::string& text) {
  const auto size = static_cast<std::uint32_t>(text.size());
  char bytes[sizeof size];
  std::memcpy(bytes, &size, sizeof size);
  record.append(bytes, sizeof size).append(text);
}

std::string take_text(const std::string& record, std::size_t& at) {
  std::uint32_t size = 0;
  if (record.size() - at < sizeof size) throw Error(ErrorCode::Format, "a record ends too soon");
  std::memcpy(&size, record.data() + at, sizeof size);
  at += sizeof size;
  if (record.size() - at < size) throw Error(ErrorCode::Format, "a record ends too soon");
  std::string text = record.substr(at, size);
  at += size;
  return text;
}

}  // namespace

std::string message_record(const Message& message) {
  std::string record(1, message.retained ? '\1' : '\0');
  put_text(record, message.topic);
  put_text(record, message.key);
  return record + message.payload;
}

Message record_message(const std::string& record) {
  if (record.empty()) throw Error(ErrorCode::Format, "a record is empty");
  Message message;
  message.retained = record[0] != '\0';
  std::size_t at = 1;
  message.topic = take_text(record, at);
  message.key = take_text(record, at);
  message.payload = record.substr(at);
  return message;
}

}  // namespace embed::gst
