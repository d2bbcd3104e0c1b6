// SPDX-License-Identifier: LGPL-2.1-or-later
#include "sessions/option_values.h"

#include <locale>
#include <sstream>

#include "embed/error.h"

namespace embed::gst {
namespace {

// The tables are written with a point, whatever the user's locale says.
double parse_number(const char* text) {
  std::istringstream in(text);
  in.imbue(std::locale::classic());
  double value = 0;
  in >> value;
  return value;
}

OptionValue default_of(const OptionSpec& spec) {
  switch (spec.type) {
    case OptionType::Bool:
      return std::string_view(spec.default_value) == "true";
    case OptionType::Int:
      return static_cast<std::int64_t>(parse_number(spec.default_value));
    case OptionType::Double:
      return parse_number(spec.default_value);
    case OptionType::String:
    case OptionType::Choice:
      break;
  }
  return std::string(spec.default_value);
}

}  // namespace

OptionValues::OptionValues(const std::vector<ElementOption>& options) : options_(&options) {
  for (const auto& option : options) values_.push_back(default_of(option.spec));
}

const OptionValue& OptionValues::find(std::string_view name) const {
  for (std::size_t i = 0; i < options_->size(); ++i) {
    if (name == (*options_)[i].spec.name) return values_[i];
  }
  throw Error(ErrorCode::Internal, "no option is called " + std::string(name));
}

std::string OptionValues::start_key() const {
  std::ostringstream key;
  key.imbue(std::locale::classic());
  key.precision(17);
  for (std::size_t i = 0; i < options_->size(); ++i) {
    if ((*options_)[i].takes != Takes::AtStart) continue;
    std::visit([&key](const auto& value) { key << value << '\n'; }, values_[i]);
  }
  return key.str();
}

std::vector<std::string> split_choices(const char* choices) {
  std::vector<std::string> names;
  std::istringstream in(choices);
  for (std::string name; std::getline(in, name, '|');) names.push_back(name);
  return names;
}

}  // namespace embed::gst
