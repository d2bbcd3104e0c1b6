// SPDX-License-Identifier: LGPL-2.1-or-later
// triplet-train blend: pictures of people who do not exist, for learning from a teacher.
#include <array>
#include <cstdio>
#include <vector>

#include "base/rng.h"
#include "cli/commands.h"
#include "cli/console.h"
#include "command_line/progress.h"
#include "data/run_checks.h"
#include "embed/dataset.h"
#include "embed/error.h"

namespace training::cli {

namespace {

constexpr std::uint64_t kBlendStream = 42;
/// Neither of the two disappears.
constexpr double kLeastShare = 0.3;

struct BlendOptions {
  std::string data, out;
  std::size_t count = 0;
  std::uint64_t seed = 1;
};

/// Which two pictures become one, how much of the first shows, and which are mirrored.
struct Pair {
  std::size_t first, second;
  int share;  // Of 256.
  bool first_mirrored, second_mirrored;
};

/// A function of the seed and the number alone: sets of the same pictures, whatever their size, are blended
/// alike.
Pair draw(std::uint64_t seed, std::size_t number, std::size_t pictures) {
  Rng rng(seed, {kBlendStream, number});
  Pair pair{};
  pair.first = rng.below(pictures);
  pair.second = (pair.first + 1 + rng.below(pictures - 1)) % pictures;
  pair.share = static_cast<int>(256 * rng.uniform(kLeastShare, 1 - kLeastShare));
  pair.first_mirrored = rng.chance(0.5);
  pair.second_mirrored = rng.chance(0.5);
  return pair;
}

void blend_pictures(const embed::Dataset& set, const Pair& pair, std::vector<std::uint8_t>& out) {
  const auto width = static_cast<std::size_t>(set.width()),
             channels = static_cast<std::size_t>(set.channels());
  const std::vector<std::uint8_t> first = set.image(pair.first), second = set.image(pair.second);
  std::size_t at = 0;
  for (int y = 0; y < set.height(); ++y) {
    const std::size_t row = static_cast<std::size_t>(y) * width;
    for (std::size_t x = 0; x < width; ++x) {
      const std::size_t a = (row + (pair.first_mirrored ? width - 1 - x : x)) * channels;
      const std::size_t b = (row + (pair.second_mirrored ? width - 1 - x : x)) * channels;
      for (std::size_t c = 0; c < channels; ++c) {
        const int sum = pair.share * first[a + c] + (256 - pair.share) * second[b + c];
        out[at++] = static_cast<std::uint8_t>((sum + 128) >> 8);
      }
    }
  }
}

int blend(const BlendOptions& options) {
  require_no_input(options.out, {options.data});
  const embed::Dataset set(options.data);
  if (set.size() < 2)
    throw embed::Error(embed::ErrorCode::InvalidArgument, "two pictures at least expected", options.data);
  embed::DatasetWriter writer(set.height(), set.width(), set.channels());
  writer.reserve(options.count);
  writer.set_context(set.context());
  for (const char* key : {"crop", "input", "detector", "transform"}) {
    const auto found = set.metadata().find(key);
    if (found != set.metadata().end()) writer.set_metadata(key, found->second);
  }
  std::vector<std::uint8_t> picture(static_cast<std::size_t>(set.height()) *
                                    static_cast<std::size_t>(set.width()) *
                                    static_cast<std::size_t>(set.channels()));
  command_line::Progress progress("blending", options.count);
  for (std::size_t number = 0; number < options.count; ++number) {
    const Pair pair = draw(options.seed, number, set.size());
    blend_pictures(set, pair, picture);
    writer.add(picture.data(), "blend",
               std::to_string(number) + ": " + set.source(pair.first) + " + " + set.source(pair.second));
    progress.step();
  }
  writer.write(options.out);
  print("%s: %zu blends of %zu images\n", options.out.c_str(), writer.size(), set.size());
  return 0;
}

}  // namespace

void add_blend(CLI::App& app, Action& action) {
  auto options = std::make_shared<BlendOptions>();
  CLI::App* command =
      app.add_subcommand("blend", "Makes pictures of people who do not exist, for train --teacher");
  command->add_option("--data", options->data, "Packed data set; its labels are not looked at")
      ->required()
      ->type_name("SET");
  command->add_option("-n,--count", options->count, "How many blends of two pictures each")
      ->required()
      ->check(CLI::Range(std::size_t{1}, std::size_t{100000000}));
  command->add_option("--seed", options->seed, "Which pictures, and how much of each")->capture_default_str();
  command->add_option("-o,--out", options->out, "The data set to write")
      ->required()
      ->type_name("SET.safetensors");
  command->footer(
      "A blend is one picture over another, 30 to 70 % of each, either of them mirrored or not. It has no "
      "label: "
      "only a\n"
      "teacher can say what it shows. Sets of the same pictures in the same order are blended alike whatever "
      "their size, so\n"
      "that a teacher may see larger pictures than the student.\n\n"
      "Example:\n"
      "  triplet-train blend --data large.safetensors --count 72000 --out large-blends.safetensors\n"
      "  triplet-train teach --teacher teacher.onnx --data large-blends.safetensors --flip --out "
      "blend-vectors.safetensors\n"
      "  triplet-train blend --data small.safetensors --count 72000 --out small-blends.safetensors\n"
      "  triplet-train train --data small.safetensors,small-blends.safetensors --teacher "
      "vectors.safetensors,blend-vectors.safetensors \\\n"
      "      --aug face --out student.safetensors");
  command->callback([options, &action] { action = [options] { return blend(*options); }; });
}

}  // namespace training::cli
