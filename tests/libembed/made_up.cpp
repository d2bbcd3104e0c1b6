// SPDX-License-Identifier: LGPL-2.1-or-later
#include "made_up.h"

#include <cmath>

namespace made_up {

namespace {

std::uint64_t name_hash(const std::string& name) {
  std::uint64_t value = 0xCBF29CE484222325U;
  for (const char c : name) value = (value ^ static_cast<unsigned char>(c)) * 0x100000001B3U;
  return value;
}

std::uint64_t hash(std::uint64_t start, std::uint64_t index) {
  std::uint64_t x = start + (index + 1) * 0x9E3779B97F4A7C15U;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9U;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBU;
  return x ^ (x >> 31);
}

bool ends_with(const std::string& text, const std::string& end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

/// A tensor's values lie this far around the middle.
struct Spread {
  double middle, reach;
};

std::int64_t count_of(const std::vector<std::int64_t>& shape) {
  std::int64_t count = 1;
  for (const std::int64_t side : shape) count *= side;
  return count;
}

Spread spread_of(const std::string& name, const std::vector<std::int64_t>& shape) {
  if (ends_with(name, "running_var")) return {1, 0.5};
  if (ends_with(name, "running_mean")) return {0, 0.25};
  if (shape.size() == 1) return {ends_with(name, "weight") ? 1.0 : 0.0, 0.25};
  const std::int64_t fan_in = count_of(shape) / shape[0];
  const double reach = std::sqrt(6.0 / static_cast<double>(fan_in));
  return {0, shape.size() == 2 ? reach / 16 : reach};
}

}  // namespace

std::vector<float> tensor(const std::string& name, const std::vector<std::int64_t>& shape) {
  const std::uint64_t start = name_hash(name);
  const Spread spread = spread_of(name, shape);
  std::vector<float> values(static_cast<std::size_t>(count_of(shape)));
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto top = static_cast<double>(hash(start, i) >> 32);
    values[i] = static_cast<float>(spread.middle + spread.reach * (top * 0x1p-31 - 1.0));
  }
  return values;
}

std::vector<std::uint8_t> crops(int count, int height, int width, int channels) {
  const std::uint64_t start = name_hash("crops");
  const std::size_t bytes = static_cast<std::size_t>(height * width * channels);
  std::vector<std::uint8_t> values(bytes * static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = static_cast<std::uint8_t>((hash(start, i) >> 56) / (i / bytes + 1));
  }
  return values;
}

}  // namespace made_up
