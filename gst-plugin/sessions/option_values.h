// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "embed/options.h"

namespace embed::gst {

/// When a change of a property takes effect.
enum class Takes {
  AtStart,  ///< With the next NULL → READY or READY → PAUSED; refused beyond READY.
  AtOnce,   ///< With the next frame, in any state.
};

/// A property of an element: one row of an option table and when it may change.
struct ElementOption {
  OptionSpec spec;
  Takes takes;
  /// It can be set and not be read, so that nothing that prints properties shows it.
  bool secret = false;
};

using OptionValue = std::variant<bool, std::int64_t, double, std::string>;

/// The values of an element's options, each of the type that its row says. Not thread-safe: the element
/// guards it with the object lock.
class OptionValues {
 public:
  /// All at their defaults. `options` must outlive this object.
  explicit OptionValues(const std::vector<ElementOption>& options);

  const std::vector<ElementOption>& options() const noexcept { return *options_; }
  const OptionValue& at(std::size_t index) const { return values_.at(index); }
  void set(std::size_t index, OptionValue value) { values_.at(index) = std::move(value); }

  /// By name and type. Throw Error(Internal) for a name that is not in the table.
  bool flag(std::string_view name) const { return std::get<bool>(find(name)); }
  int integer(std::string_view name) const { return static_cast<int>(std::get<std::int64_t>(find(name))); }
  double number(std::string_view name) const { return std::get<double>(find(name)); }
  const std::string& text(std::string_view name) const { return std::get<std::string>(find(name)); }

  /// The values of all options that are taken at the start, as one text: what is open need not be opened anew
  /// while it stays the same.
  std::string start_key() const;

 private:
  const OptionValue& find(std::string_view name) const;

  const std::vector<ElementOption>* options_;
  std::vector<OptionValue> values_;
};

/// "a|b|c" → {"a", "b", "c"}.
std::vector<std::string> split_choices(const char* choices);

}  // namespace embed::gst
