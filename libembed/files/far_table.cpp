// SPDX-License-Identifier: LGPL-2.1-or-later
#include "embed/far_table.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>

#include "embed/error.h"

namespace embed {

namespace {

using Json = nlohmann::json;

void require(bool condition, const char* expected) {
  if (!condition) throw Error(ErrorCode::InvalidArgument, std::string(expected) + " expected");
}

}  // namespace

FarTable::FarTable(std::vector<Point> points, std::uint64_t comparisons)
    : points_(std::move(points)), comparisons_(comparisons) {
  require(points_.size() >= 2, "two points or more");
  for (std::size_t i = 0; i < points_.size(); ++i) {
    const Point& point = points_[i];
    require(point.far > 0 && point.far < 1, "rates above 0 and below 1");
    require(std::isfinite(point.threshold) && point.threshold >= 0, "thresholds of 0 or more");
    if (i == 0) continue;
    require(point.far < points_[i - 1].far, "falling rates");
    require(point.threshold <= points_[i - 1].threshold, "thresholds that do not rise as rates fall");
  }
}

float FarTable::threshold(double far, std::size_t vectors) const {
  // 1 − (1 − far)^(1/vectors), without the loss of small rates beside 1.
  const double one = -std::expm1(std::log1p(-far) / static_cast<double>(vectors));
  // The points on both sides, or the two at the end that the rate lies beyond.
  std::size_t after = 1;
  while (after + 1 < points_.size() && points_[after].far > one) ++after;
  const Point& a = points_[after - 1];
  const Point& b = points_[after];
  const double way = std::log(one / a.far) / std::log(b.far / a.far);
  return static_cast<float>(
      std::max(0.0, a.threshold + way * (static_cast<double>(b.threshold) - a.threshold)));
}

double FarTable::rate(float threshold, std::size_t vectors) const {
  std::size_t after = 1;
  while (after + 1 < points_.size() && points_[after].threshold > threshold) ++after;
  const Point& a = points_[after - 1];
  const Point& b = points_[after];
  const double fall = static_cast<double>(a.threshold) - static_cast<double>(b.threshold);
  double one = b.far;  // Of a piece without a slope: no more is known below it, and nothing above it.
  if (fall > 0) {
    one = a.far * std::pow(b.far / a.far, (static_cast<double>(a.threshold) - threshold) / fall);
  } else if (threshold >= a.threshold) {
    one = threshold > a.threshold ? 1 : a.far;
  }
  // 1 − (1 − one)^vectors, without the loss of small rates beside 1.
  return one >= 1 ? 1 : -std::expm1(static_cast<double>(vectors) * std::log1p(-one));
}

std::string FarTable::to_json() const {
  Json points = Json::array();
  for (const Point& point : points_) points.push_back({point.far, point.threshold});
  return Json{{"comparisons", comparisons_}, {"points", points}}.dump();
}

FarTable FarTable::from_json(const std::string& text) {
  try {
    const Json json = Json::parse(text);
    std::vector<Point> points;
    for (const Json& point : json.at("points")) {
      require(point.is_array() && point.size() == 2 && point[0].is_number() && point[1].is_number(),
              "points of two numbers");
      points.push_back({point[0].get<double>(), point[1].get<float>()});
    }
    require(json.at("comparisons").is_number_unsigned(), "a whole number of comparisons");
    return {std::move(points), json.at("comparisons").get<std::uint64_t>()};
  } catch (const Json::exception& error) {
    throw Error(ErrorCode::Format, std::string("not what was expected: ") + error.what());
  }
}

}  // namespace embed
