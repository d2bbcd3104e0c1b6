// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/train_flags.h"

#include <map>
#include <type_traits>

#include "options/option_table.h"

namespace training::cli {

namespace {

/// What each loss or miner is, for the help of its flag; nothing for other choices.
std::string described(const std::string& flag) {
  std::string text;
  const auto add = [&](const char* name, const char* blurb) {
    text += std::string("\n") + name + ": " + blurb;
  };
#define TRAINING_DESCRIBE_LOSS(enumerator, name, make, heeds, blurb) add(name, blurb);
#define TRAINING_DESCRIBE_MINER(enumerator, name, mine, blurb) add(name, blurb);
  if (flag == "--loss") {
    TRAINING_PAIR_LOSSES(TRAINING_DESCRIBE_LOSS)
    TRAINING_CLASS_LOSSES(TRAINING_DESCRIBE_LOSS)
  }
  if (flag == "--miner") {
    TRAINING_MINERS(TRAINING_DESCRIBE_MINER)
  }
#undef TRAINING_DESCRIBE_LOSS
#undef TRAINING_DESCRIBE_MINER
  return text;
}

/// Makes a flag of a row of the table, bound to where the option's value is.
class FlagMaker {
 public:
  FlagMaker(CLI::App& command, TrainFlags& flags) : command_(command), flags_(flags) {}

  void add(const TrainOption& row) {
    CLI::Option* flag = std::visit([&](auto field) { return make(row, field); }, row.field(flags_.options));
    if (row.value != nullptr) flag->type_name(row.value);
    flag->group(row.group);
  }

 private:
  static std::string flag_of(const TrainOption& row) { return "--" + std::string(row.name); }

  CLI::Option* make(const TrainOption& row, bool* value) {
    // What is on unless said otherwise needs a way to say so.
    const std::string off = *value ? ",!--no-" + std::string(row.name) : "";
    return command_.add_flag(flag_of(row) + off, *value, row.blurb);
  }
  CLI::Option* make(const TrainOption& row, int* value) {
    return command_.add_option(flag_of(row), *value, row.blurb);
  }
  CLI::Option* make(const TrainOption& row, std::uint64_t* value) {
    return command_.add_option(flag_of(row), *value, row.blurb)->capture_default_str();
  }
  CLI::Option* make(const TrainOption& row, double* value) {
    return command_.add_option(flag_of(row), *value, row.blurb)->capture_default_str();
  }
  CLI::Option* make(const TrainOption& row, std::string* value) {
    if (value == &flags_.options.out)
      return command_.add_option("-o," + flag_of(row), *value, row.blurb)->required();
    CLI::Option* flag = command_.add_option(flag_of(row), *value, row.blurb);
    return value->empty() ? flag : flag->capture_default_str();
  }
  CLI::Option* make(const TrainOption& row, std::vector<std::string>* value) {
    return command_.add_option(flag_of(row), *value, row.blurb)
        ->delimiter(',')
        ->required(value == &flags_.options.data);
  }
  CLI::Option* make(const TrainOption& row, std::vector<double>* value) {
    std::string current;
    for (const double each : *value) current += (current.empty() ? "" : ",") + CLI::detail::to_string(each);
    return command_.add_option(flag_of(row), *value, row.blurb)->delimiter(',')->default_str(current);
  }
  CLI::Option* make(const TrainOption& row, std::array<float, 3>* value) {
    std::vector<float>& said = value == &flags_.options.mean ? flags_.mean : flags_.std;
    return command_.add_option(flag_of(row), said, row.blurb)->expected(1, 3)->delimiter(',');
  }
  /// One of an enumeration's names.
  template <typename T>
  CLI::Option* make(const TrainOption& row, T* value) {
    static_assert(std::is_enum_v<T>);
    std::map<std::string, T> names;
    for (const auto& [name, each] : names_of<T>()) names.emplace(name, each);
    std::string list;
    for (const auto& [name, each] : names) list += (list.empty() ? "" : "|") + name;
    return command_.add_option(flag_of(row), *value, row.blurb + described(flag_of(row)))
        ->transform(CLI::CheckedTransformer(names, CLI::ignore_case).description(""))
        ->type_name(list)
        ->default_str(name_of(*value));
  }
  /// Flags whose text is translated afterwards.
  CLI::Option* make(const TrainOption& row, std::monostate /*nowhere*/) {
    const std::string name = flag_of(row);
    if (name == "--margin") {
      const std::string usual = CLI::detail::to_string(flags_.options.margin);
      return command_.add_option(name, flags_.margin, row.blurb)->default_str(usual);
    }
    if (name == "--pk") return command_.add_option(name, flags_.pk, row.blurb)->expected(2);
    if (name == "--teacher") return command_.add_option(name, flags_.teacher, row.blurb)->delimiter(',');
    return command_.add_option(name, flags_.without, row.blurb);
  }

  CLI::App& command_;
  TrainFlags& flags_;
};

}  // namespace

void add_train_flags(CLI::App& command, TrainFlags& flags) {
  command.add_flag(
      "--note", flags.note,
      "The founding note's settings for what no other flag says: triplet loss over offline triplets, "
      "sigmoid head, squared-l2, margin 1, SGD 0.03 with momentum 0.9");
  FlagMaker maker(command, flags);
  for (const TrainOption& row : train_option_table()) maker.add(row);
}

}  // namespace training::cli
