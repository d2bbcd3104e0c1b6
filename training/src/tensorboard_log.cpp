// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tensorboard_log.h"

#include <unistd.h>

#include <array>
#include <chrono>
#include <cmath>
#include <cstring>
#include <filesystem>

#include "embed/error.h"

namespace training {

namespace {

// Field numbers of tensorflow/core/util/event.proto and framework/summary.proto.
constexpr unsigned kEventWallTime = 1, kEventStep = 2, kEventFileVersion = 3, kEventSummary = 5;
constexpr unsigned kSummaryValue = 1, kValueTag = 1, kValueSimple = 2;
constexpr unsigned kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5;  // Wire types.

void put_varint(std::string& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7U) out.push_back(static_cast<char>((value & 0x7FU) | 0x80U));
  out.push_back(static_cast<char>(value));
}

void put_key(std::string& out, unsigned field, unsigned wire_type) {
  put_varint(out, field << 3U | wire_type);
}

template <typename T>
void put_little_endian(std::string& out, T value) {
  for (std::size_t i = 0; i < sizeof(T); ++i) out.push_back(static_cast<char>(value >> 8U * i & 0xFFU));
}

void put_double(std::string& out, unsigned field, double value) {
  put_key(out, field, kFixed64);
  std::uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof(bits));
  put_little_endian(out, bits);
}

void put_float(std::string& out, unsigned field, float value) {
  put_key(out, field, kFixed32);
  std::uint32_t bits = 0;
  std::memcpy(&bits, &value, sizeof(bits));
  put_little_endian(out, bits);
}

void put_bytes(std::string& out, unsigned field, const std::string& bytes) {
  put_key(out, field, kBytes);
  put_varint(out, bytes.size());
  out += bytes;
}

std::string event_at_now() {
  std::string event;
  const std::chrono::duration<double> time = std::chrono::system_clock::now().time_since_epoch();
  put_double(event, kEventWallTime, time.count());
  return event;
}

/// TFRecord rotates and shifts its checksums, so that one of data with checksums inside stays good.
std::uint32_t masked_crc(const std::string& bytes) {
  const std::uint32_t crc = crc32c(bytes.data(), bytes.size());
  return (crc >> 15U | crc << 17U) + 0xA282EAD8U;
}

std::string file_name() {
  std::array<char, 256> host{};
  if (gethostname(host.data(), host.size() - 1) != 0) host[0] = '\0';
  const auto seconds =
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch());
  // The process too: a run that is resumed within a second must not overwrite.
  return "events.out.tfevents." + std::to_string(seconds.count()) + "." +
         (host[0] == '\0' ? "localhost" : host.data()) + "." + std::to_string(getpid());
}

}  // namespace

std::uint32_t crc32c(const void* data, std::size_t size) noexcept {
  static const std::array<std::uint32_t, 256> table = [] {
    std::array<std::uint32_t, 256> values{};
    for (std::uint32_t i = 0; i < 256; ++i) {
      std::uint32_t value = i;
      for (int bit = 0; bit < 8; ++bit) value = (value & 1U) != 0 ? value >> 1U ^ 0x82F63B78U : value >> 1U;
      values[i] = value;
    }
    return values;
  }();
  const auto* bytes = static_cast<const unsigned char*>(data);
  std::uint32_t crc = 0xFFFFFFFFU;
  for (std::size_t i = 0; i < size; ++i) crc = table[(crc ^ bytes[i]) & 0xFFU] ^ crc >> 8U;
  return ~crc;
}

TensorBoardLog::TensorBoardLog(const std::string& folder)
    : path_((std::filesystem::path(folder) / file_name()).string()), file_(path_, std::ios::binary) {
  if (!file_) throw embed::Error(embed::ErrorCode::Io, "cannot be written", path_);
  std::string event = event_at_now();
  put_bytes(event, kEventFileVersion, "brain.Event:2");
  write(event);
}

void TensorBoardLog::scalars(std::size_t step, const std::vector<std::pair<std::string, double>>& values) {
  std::string summary;
  for (const auto& [tag, number] : values) {
    if (!std::isfinite(number)) continue;
    std::string value;
    put_bytes(value, kValueTag, tag);
    put_float(value, kValueSimple, static_cast<float>(number));
    put_bytes(summary, kSummaryValue, value);
  }
  if (summary.empty()) return;
  std::string event = event_at_now();
  put_key(event, kEventStep, kVarint);
  put_varint(event, step);
  put_bytes(event, kEventSummary, summary);
  write(event);
}

void TensorBoardLog::write(const std::string& event) {
  std::string length;
  put_little_endian<std::uint64_t>(length, event.size());
  std::string record = length;
  put_little_endian(record, masked_crc(length));
  record += event;
  put_little_endian(record, masked_crc(event));
  file_ << record << std::flush;
  if (!file_) throw embed::Error(embed::ErrorCode::Io, "cannot be written (is the disk full?)", path_);
}

}  // namespace training
