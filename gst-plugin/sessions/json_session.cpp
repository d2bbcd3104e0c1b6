// SPDX-License-Identifier: LGPL-2.1-or-later
#include "sessions/json_session.h"

namespace embed::gst {
namespace {

const std::string& location_blurb() {
  static const std::string blurb = "Where to write: " + line_sink_forms();
  return blurb;
}

}  // namespace

const std::vector<ElementOption>& json_options() {
  static const std::vector<ElementOption> options = [] {
    std::vector<ElementOption> all = {
        {{"location", OptionType::String, 0, 0, "-", "", location_blurb().c_str()}, Takes::AtStart},
        {{"mode", OptionType::Choice, 0, 0, "append", "append|truncate",
          "What becomes of a file that is there already: its lines stay, or it is emptied first"},
         Takes::AtStart}};
    for (const ElementOption& option : line_options("frames", Takes::AtOnce)) all.push_back(option);
    return all;
  }();
  return options;
}

JsonSettings JsonSettings::from(const OptionValues& values) {
  JsonSettings s;
  static_cast<LineSettings&>(s) = LineSettings::from(values);
  s.location = values.text("location");
  s.mode = values.text("mode") == "append" ? FileMode::Append : FileMode::Truncate;
  return s;
}

void JsonSession::open(const JsonSettings& settings) {
  writer_.reset();
  writer_.open(settings.location, settings.mode);
  lines_.start();
}

}  // namespace embed::gst
