// SPDX-License-Identifier: LGPL-2.1-or-later
#include "report/report.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "report/picture_book.h"
#include "report/report_template.h"

namespace training {

namespace {

using Json = nlohmann::ordered_json;

/// Six digits, null for what is not finite.
Json short_number(double value) {
  if (!std::isfinite(value)) return nullptr;
  char text[32];
  std::snprintf(text, sizeof(text), "%.6g", value);
  return std::strtod(text, nullptr);
}

template <typename Values>
Json short_numbers(const Values& values) {
  Json list = Json::array();
  for (const auto value : values) list.push_back(short_number(value));
  return list;
}

Json columns_json(const Columns& columns) {
  Json result = Json::object();
  for (const auto& [name, values] : columns) {
    const bool empty = std::none_of(values.begin(), values.end(), [](double v) { return std::isfinite(v); });
    if (!empty) result[name] = short_numbers(values);
  }
  return result;
}

Json log_json(const RunLog& log, const ReportOptions& options) {
  const RunStart& start = log.start;
  Json events = Json::array();
  for (const RunEvent& event : log.events)
    events.push_back({{"epoch", short_number(event.epoch)}, {"kind", event.kind}, {"text", event.text}});
  return {{"folder", log.folder},
          {"version", start.version},
          {"device", start.device},
          {"images", start.images},
          {"identities", start.identities},
          {"options", start.options},
          {"data", start.data},
          {"val", start.val},
          {"curves", columns_json(thinned(log.curves, options.curve_points))},
          {"epochs", columns_json(thinned(log.epochs, options.curve_points))},
          {"events", events}};
}

Json interval_json(const Interval& interval) {
  return {short_number(interval.low), short_number(interval.high)};
}

Json measures_json(const SetEvaluation& found) {
  const Roc& roc = found.roc;
  Json json = {{"metric", embed::to_string(found.metric)},
               {"genuine_pairs", roc.genuine},
               {"impostor_pairs", roc.impostor},
               {"auc", short_number(roc.auc)},
               {"eer", short_number(roc.eer)},
               {"eer_threshold", short_number(roc.eer_threshold)},
               {"best_accuracy", short_number(roc.best_accuracy)},
               {"tar_at_far", Json::array()}};
  for (std::size_t i = 0; i < roc.tar_at_far.size(); ++i) {
    const Roc::Point& point = roc.tar_at_far[i];
    if (!is_measurable(point.far, roc.impostor)) continue;
    Json entry = {{"far", point.far}, {"tar", short_number(point.tar)}};
    if (found.intervals) entry["interval"] = interval_json(found.intervals->tar[i]);
    json["tar_at_far"].push_back(entry);
  }
  if (found.threshold) {
    json["threshold"] = short_number(*found.threshold);
    json["far"] = short_number(found.far);
    json["tar"] = short_number(found.tar);
    json["accuracy"] = short_number(found.accuracy);
  }
  if (found.intervals) {
    json["intervals"] = {{"auc", interval_json(found.intervals->auc)},
                         {"eer", interval_json(found.intervals->eer)}};
    if (found.accuracy_interval) json["intervals"]["accuracy"] = interval_json(found.intervals->accuracy);
  }
  return json;
}

Json curve_json(const std::vector<Roc::Point>& curve) {
  Json fars = Json::array(), tars = Json::array(), thresholds = Json::array();
  for (const Roc::Point& point : curve) {
    fars.push_back(short_number(point.far));
    tars.push_back(short_number(point.tar));
    thresholds.push_back(short_number(point.threshold));
  }
  return {{"far", fars}, {"tar", tars}, {"threshold", thresholds}};
}

Json confusion_json(const Confusion& confusion) {
  Json pairs = Json::array();
  for (const ConfusedPair& pair : confusion.pairs) {
    pairs.push_back({{"a", pair.first},
                     {"b", pair.second},
                     {"a_as_b", pair.first_as_second},
                     {"b_as_a", pair.second_as_first},
                     {"nearest", short_number(pair.nearest)}});
  }
  return {{"asked", confusion.asked},           {"right", confusion.right},
          {"identities", confusion.identities}, {"counts", confusion.counts},
          {"elsewhere", confusion.elsewhere},   {"pairs", pairs}};
}

Json pairs_json(const std::vector<RowPair>& pairs, const ReportRun& run, PictureBook& book, int side) {
  Json list = Json::array();
  for (const RowPair& pair : pairs) {
    Json entry = {{"distance", short_number(pair.distance)}};
    for (const auto& [key, row] : {std::make_pair("a", pair.first), std::make_pair("b", pair.second)}) {
      entry[key] = {{"identity", run.labels[row]},
                    {"source", run.sources[row]},
                    {"picture", book.add(run.pictures, row, side)}};
    }
    list.push_back(entry);
  }
  return list;
}

Json places_json(const Projection& projection, std::size_t axis) {
  Json list = Json::array();
  for (const auto& point : projection.points) list.push_back(short_number(point[axis]));
  return list;
}

Json map_json(const ReportRun& run, PictureBook& book, int side) {
  const SetEvaluation& found = *run.evaluation;
  Json identities = Json::array(), pictures = Json::array();
  for (const std::uint32_t row : found.mapped) {
    identities.push_back(run.labels[row]);
    pictures.push_back(book.add(run.pictures, row, side));
  }
  const auto projection = [](const Projection& p) {
    return Json{{"x", places_json(p, 0)}, {"y", places_json(p, 1)}};
  };
  return {{"identity", identities},
          {"picture", pictures},
          {"explained", short_numbers(found.pca.explained)},
          {"pca", projection(found.pca)},
          {"tsne", projection(found.tsne)}};
}

Json evaluation_json(const ReportRun& run, PictureBook& book, const ReportOptions& options) {
  const SetEvaluation& found = *run.evaluation;
  Json json = measures_json(found);
  json["weights"] = run.weights;
  json["set"] = run.set;
  json["flip"] = run.flip;
  json["images"] = run.labels.size();
  json["names"] = run.names;
  json["roc"] = curve_json(found.curve);
  json["histogram"] = {{"high", short_number(found.histogram.high)},
                       {"genuine", found.histogram.genuine},
                       {"impostor", found.histogram.impostor}};
  json["confusion"] = confusion_json(found.confusion);
  json["false_matches"] = pairs_json(found.false_matches, run, book, options.pair_side);
  json["misses"] = pairs_json(found.misses, run, book, options.pair_side);
  return json;
}

/// JSON text that no HTML parser sees anything in (the escapes mean the same to JSON's parser).
std::string without_markup(const std::string& json) {
  std::string out;
  out.reserve(json.size());
  for (const char c : json) {
    if (c == '<' || c == '>' || c == '&') {
      char escape[8];
      std::snprintf(escape, sizeof(escape), "\\u%04x", static_cast<unsigned>(c));
      out += escape;
    } else {
      out.push_back(c);
    }
  }
  return out;
}

}  // namespace

std::string report_json(const std::vector<ReportRun>& runs, const ReportOptions& options) {
  PictureBook book(options.picture_bytes);
  Json list = Json::array();
  for (const ReportRun& run : runs) {
    std::vector<std::string> notes = run.notes;
    notes.insert(notes.end(), run.log.notes.begin(), run.log.notes.end());
    Json json = {{"name", run.name}, {"notes", notes}};
    json.update(log_json(run.log, options));
    if (run.evaluation) json["evaluation"] = evaluation_json(run, book, options);
    list.push_back(json);
  }
  // The maps come last: when the budget is spent the lists of pairs have their pictures.
  for (std::size_t i = 0; i < runs.size(); ++i)
    if (runs[i].evaluation) list[i]["evaluation"]["map"] = map_json(runs[i], book, options.map_side);
  const Json page = {{"version", TRIPLETEMBED_VERSION},
                     {"runs", list},
                     {"pictures", book.uris()},
                     {"pictures_left_out", book.full()}};
  return without_markup(page.dump(-1, ' ', false, Json::error_handler_t::replace));
}

std::string report_page(const std::string& json) {
  return kReportHead + json + kReportTail;
}

}  // namespace training
