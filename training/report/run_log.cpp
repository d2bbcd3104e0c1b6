// SPDX-License-Identifier: LGPL-2.1-or-later
#include "report/run_log.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>

#include "embed/error.h"

namespace training {

namespace {

using Json = nlohmann::json;
using embed::Error;
using embed::ErrorCode;

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
/// No line that a run writes comes near it.
constexpr std::size_t kLongestLine = 1 << 20;
constexpr std::size_t kMostNotes = 3;
constexpr double kLargestCount = 9e15;  // What a double counts exactly.

const std::array<const char*, 8> kPlain = {"loss",      "active",        "lr",     "images_per_second",
                                           "data_wait", "gradient_norm", "margin", "seconds"};
const std::array<const char*, 3> kKinds = {"easy", "semi_hard", "hard"};
const std::array<const char*, 3> kPercentiles = {"_p10", "_p50", "_p90"};

const Json& member(const Json& object, const char* key) {
  static const Json nothing;
  if (!object.is_object()) return nothing;
  const auto found = object.find(key);
  return found == object.end() ? nothing : *found;
}

double number(const Json& object, const char* key) {
  const Json& value = member(object, key);
  return value.is_number() ? value.get<double>() : kNone;
}

std::uint64_t count(const Json& object, const char* key) {
  const double value = number(object, key);
  return value >= 0 && value < kLargestCount ? static_cast<std::uint64_t>(value) : 0;
}

std::string text(const Json& object, const char* key) {
  const Json& value = member(object, key);
  return value.is_string() ? value.get<std::string>() : std::string();
}

/// A row of numbers by name.
using Row = std::map<std::string, double>;

Row row_of(const Json& line) {
  Row row;
  for (const char* name : kPlain) row[name] = number(line, name);
  const Json& triplets = member(line, "triplets");
  double all = 0;
  for (const char* kind : kKinds) all += number(triplets, kind);
  for (const char* kind : kKinds) row[kind] = all > 0 ? number(triplets, kind) / all : kNone;
  for (const char* side : {"positive", "negative"}) {
    const Json& values = member(member(line, "distances"), side);
    for (std::size_t i = 0; i < kPercentiles.size(); ++i) {
      const bool there = values.is_array() && values.size() == kPercentiles.size() && values[i].is_number();
      row[std::string(side) + kPercentiles[i]] = there ? values[i].get<double>() : kNone;
    }
  }
  return row;
}

/// Rows into columns; a name that is not in all of them is NaN in the others.
Columns columns_of(const std::vector<Row>& rows) {
  Columns columns;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    for (const auto& [name, value] : rows[i])
      columns.emplace(name, std::vector<double>(rows.size(), kNone)).first->second[i] = value;
  }
  return columns;
}

class Reader {
 public:
  explicit Reader(const std::string& folder) : path_(folder + "/metrics.jsonl") { log_.folder = folder; }

  RunLog read() {
    std::error_code error;
    if (!std::filesystem::is_regular_file(path_, error))
      throw Error(ErrorCode::NotFound, "no such file: a run's folder has one (OUT.run, or --run-dir)", path_);
    std::ifstream file(path_, std::ios::binary);
    if (!file) throw Error(ErrorCode::Io, "cannot be read", path_);
    std::string line;
    while (std::getline(file, line)) {
      ++line_;
      if (!line.empty()) take(line, file.eof());
    }
    if (file.bad()) throw Error(ErrorCode::Io, "cannot be read to its end", path_);
    if (!started_ && rows_.empty()) {
      throw Error(
          ErrorCode::Format,
          "no line tells of a run: JSON objects, one a line, with \"event\": start, step or epoch expected",
          path_);
    }
    finish();
    return std::move(log_);
  }

 private:
  void take(const std::string& line, bool without_end) {
    const Json json =
        line.size() > kLongestLine ? Json() : Json::parse(line, nullptr, /*allow_exceptions=*/false);
    const std::string event = text(json, "event");
    if (event.empty()) {
      const char* what = without_end ? " is cut: the run was ended while it was written"
                                     : " is no JSON object with an \"event\"";
      note("line " + std::to_string(line_) + what + ", and left out");
    } else if (event == "start") {
      take_start(json);
    } else if (event == "step" || event == "epoch") {
      take_row(json, event == "epoch");
    } else {
      log_.events.push_back({done_, event, text(json, "text")});
    }
  }

  void take_start(const Json& json) {
    started_ = true;
    RunStart start;
    for (const auto& [name, value] : member(json, "options").items()) {
      if (value.is_string()) start.options[name] = value.get<std::string>();
    }
    const Json& files = member(json, "files");
    start.has_files = files.is_object();
    for (const auto& item : member(files, "data").items())
      if (item.value().is_string()) start.data.push_back(item.value().get<std::string>());
    for (const auto& item : member(json, "without").items())
      if (item.value().is_string()) start.without.insert(item.value().get<std::string>());
    start.val = text(files, "val");
    start.weights = text(files, "weights");
    start.version = text(json, "version");
    start.fingerprint = text(json, "fingerprint");
    start.device = text(json, "device");
    start.images = count(json, "images");
    start.identities = count(json, "identities");
    start.validation_images = count(json, "validation_images");
    start.validation_identities = count(json, "validation_identities");
    start.batches = count(json, "batches");
    start.val_images = count(json, "val_images");
    start.second_kind = count(json, "second_kind");
    start.val_flip = member(json, "val_flip") == true;
    log_.start = start;
    go_on_from(count(json, "resumed_epoch"), count(json, "resumed_batch"));
  }

  /// A resumed run repeats what came after its checkpoint.
  void go_on_from(std::uint64_t epoch, std::uint64_t batch) {
    const double batches = static_cast<double>(std::max<std::uint64_t>(1, log_.start.batches));
    const double from = static_cast<double>(epoch) + static_cast<double>(batch) / batches;
    const auto again = [&](const Row& row) { return row.at("epoch") > from + 1e-9; };
    rows_.erase(std::remove_if(rows_.begin(), rows_.end(), again), rows_.end());
    epochs_.erase(std::remove_if(epochs_.begin(), epochs_.end(), again), epochs_.end());
    done_ = from;
    if (from > 0) log_.events.push_back({from, "resumed", ""});
  }

  void take_row(const Json& json, bool is_epoch) {
    const double epoch = number(json, "epoch"), batch = number(json, "batch");
    if (!(epoch >= 1) || !(batch >= 0) || epoch > kLargestCount) {
      note("line " + std::to_string(line_) + " has no epoch and batch, and is left out");
      return;
    }
    const double batches = static_cast<double>(log_.start.batches);
    const double done = is_epoch || batches < 1 ? epoch : epoch - 1 + std::min(1.0, batch / batches);
    Row row = row_of(json);
    row["epoch"] = done_ = done;
    rows_.push_back(row);
    if (!is_epoch) return;
    row["best"] = member(json, "best") == true ? 1 : 0;
    for (const auto& [name, value] : member(json, "validation").items())
      if (value.is_number()) row["validation_" + name] = value.get<double>();
    epochs_.push_back(row);
  }

  void note(const std::string& text) {
    if (++noted_ <= kMostNotes) log_.notes.push_back("metrics.jsonl: " + text);
  }

  void finish() {
    if (noted_ > kMostNotes)
      log_.notes.push_back("metrics.jsonl: " + std::to_string(noted_ - kMostNotes) +
                           " more lines are left out");
    if (!started_)
      log_.notes.emplace_back("metrics.jsonl: the start of the run is missing, and with it its options");
    const auto earlier = [](const Row& a, const Row& b) { return a.at("epoch") < b.at("epoch"); };
    std::stable_sort(rows_.begin(), rows_.end(), earlier);
    std::stable_sort(epochs_.begin(), epochs_.end(), earlier);
    log_.curves = columns_of(rows_);
    log_.epochs = columns_of(epochs_);
  }

  std::string path_;
  RunLog log_;
  std::vector<Row> rows_, epochs_;
  std::size_t line_ = 0, noted_ = 0;
  double done_ = 0;
  bool started_ = false;
};

}  // namespace

RunLog read_run_log(const std::string& folder) {
  return Reader(folder).read();
}

Columns thinned(const Columns& columns, std::size_t most) {
  Columns result;
  for (const auto& [name, values] : columns) {
    if (values.size() <= most) {
      result[name] = values;
      continue;
    }
    for (std::size_t i = 0; i < most; ++i)
      result[name].push_back(values[i * (values.size() - 1) / (most - 1)]);
  }
  return result;
}

}  // namespace training
