// SPDX-License-Identifier: LGPL-2.1-or-later
#include "embed/error.h"

#include <utility>

#include "embed/address.h"

namespace embed {

const char* to_string(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::InvalidArgument:
      return "invalid-argument";
    case ErrorCode::NotFound:
      return "not-found";
    case ErrorCode::Io:
      return "io";
    case ErrorCode::Format:
      return "format";
    case ErrorCode::Mismatch:
      return "mismatch";
    case ErrorCode::Unsupported:
      return "unsupported";
    case ErrorCode::Device:
      return "device";
    case ErrorCode::OutOfMemory:
      return "out-of-memory";
    case ErrorCode::Internal:
      return "internal";
  }
  return "unknown";
}

namespace {

/// Messages quote names out of files, whose control characters must neither cut a message short nor reach a
/// terminal.
std::string printable(std::string text) {
  for (char& c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte < 0x20 && c != '\n') || byte == 0x7F) c = '?';
  }
  return text;
}

std::string compose(const std::string& message, const std::string& file, const std::string& field) {
  std::string text;
  if (!file.empty()) text += public_address(file) + ": ";
  if (!field.empty()) text += field + ": ";
  return printable(text + message);
}

}  // namespace

Error::Error(ErrorCode code, const std::string& message)
    : std::runtime_error(printable(message)), code_(code) {}

Error::Error(ErrorCode code, const std::string& message, std::string file, std::string field)
    : std::runtime_error(compose(message, file, field)),
      code_(code),
      file_(public_address(file)),
      field_(std::move(field)) {}

}  // namespace embed
