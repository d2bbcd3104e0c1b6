// SPDX-License-Identifier: LGPL-2.1-or-later
#include "report/tensorboard_log.h"

#include <unistd.h>

#include <array>
#include <chrono>
#include <cmath>
#include <filesystem>

#include "base/protobuf_writer.h"
#include "embed/error.h"

namespace training {

namespace {

// Field numbers of tensorflow/core/util/event.proto and framework/summary.proto.
constexpr unsigned kEventWallTime = 1, kEventStep = 2, kEventFileVersion = 3, kEventSummary = 5;
constexpr unsigned kSummaryValue = 1, kValueTag = 1, kValueSimple = 2;

void put_little_endian(std::string& out, std::uint64_t value, std::size_t bytes) {
  for (std::size_t i = 0; i < bytes; ++i) out.push_back(static_cast<char>(value >> 8U * i & 0xFFU));
}

ProtobufWriter event_at_now() {
  const std::chrono::duration<double> time = std::chrono::system_clock::now().time_since_epoch();
  return ProtobufWriter().real64(kEventWallTime, time.count());
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
  write(event_at_now().bytes(kEventFileVersion, "brain.Event:2").text());
}

void TensorBoardLog::scalars(std::size_t step, const std::vector<std::pair<std::string, double>>& values) {
  ProtobufWriter summary;
  for (const auto& [tag, number] : values) {
    if (!std::isfinite(number)) continue;
    summary.message(kSummaryValue,
                    ProtobufWriter().bytes(kValueTag, tag).real32(kValueSimple, static_cast<float>(number)));
  }
  if (summary.empty()) return;
  write(event_at_now().integer(kEventStep, step).message(kEventSummary, summary).text());
}

void TensorBoardLog::write(const std::string& event) {
  std::string length;
  put_little_endian(length, event.size(), 8);
  std::string record = length;
  put_little_endian(record, masked_crc(length), 4);
  record += event;
  put_little_endian(record, masked_crc(event), 4);
  file_ << record << std::flush;
  if (!file_) throw embed::Error(embed::ErrorCode::Io, "cannot be written (is the disk full?)", path_);
}

}  // namespace training
