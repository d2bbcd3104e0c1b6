// SPDX-License-Identifier: LGPL-2.1-or-later
// Strangers kept in a file: persistence, retention, and files that are none.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <functional>
#include <set>
#include <thread>

#include "embed/preprocess.h"
#include "embed/safetensors.h"
#include "embed/strangers.h"
#include "error_matchers.h"
#include "fixtures.h"
#include "no_new_threads.h"
#include "stranger_people.h"

namespace {

using embed::ErrorCode;
using embed::Strangers;
using embed::StrangersOptions;
using stranger_people::face_of;
using stranger_people::sighting;
using stranger_people::weights;
using testing_errors::expect_error;

constexpr std::int64_t kDay = 24 * 60 * 60 * 1000;

std::int64_t now() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::string fresh_file(const std::string& name) {
  const std::string path = fixtures::temp_dir() + "/" + name + ".safetensors";
  std::filesystem::remove(path);
  return path;
}

bool holds(const std::string& path, const embed::Embedding& mean) {
  const auto bytes = fixtures::read_bytes(path);
  const auto* first = reinterpret_cast<const std::uint8_t*>(mean.data());
  return std::search(bytes.begin(), bytes.end(), first, first + sizeof(mean)) != bytes.end();
}

TEST(StrangersFile, BringsThemBack) {
  const std::string path = fresh_file("back");
  {
    Strangers strangers(weights(), {}, path);
    const auto stream = strangers.open_stream("door");
    strangers.see(sighting(stream, 1, face_of(1, 1), 20, now()));
    strangers.see(sighting(stream, 2, stranger_people::between(1, 2, 0.5F), 5, now() + 1000));
    strangers.see(sighting(stream, 2, face_of(1, 3), 20, now() + 1100));
    strangers.see(sighting(stream, 3, face_of(3, 1), 7, now() + 2000));
    EXPECT_EQ(strangers.groups().size(), 2U);
  }
  Strangers strangers(weights(), {}, path);
  const auto groups = strangers.groups();
  ASSERT_EQ(groups.size(), 2U);
  EXPECT_EQ(groups[1].number, 3U);
  ASSERT_EQ(groups[1].tracks.size(), 1U);
  EXPECT_LT(embed::distance(embed::Metric::Cosine, groups[1].tracks[0].mean, face_of(3, 1)), 1e-5F);
  EXPECT_EQ(groups[1].tracks[0].weight, 7);
  EXPECT_EQ(groups[1].tracks[0].looks, 10U);
  EXPECT_EQ(groups[1].tracks[0].camera, "door");
  EXPECT_EQ(strangers.group("unknown-2").number, 1U) << "what was joined is still known";
  const auto stream = strangers.open_stream("door");
  EXPECT_EQ(strangers.see(sighting(stream, 1, face_of(3, 2), 10, now())), 3U);
  EXPECT_EQ(strangers.see(sighting(stream, 2, face_of(4, 1), 10, now())), 4U) << "numbers go on";
}

TEST(StrangersFile, CanBeReadWhileItHasAWriter) {
  const std::string path = fresh_file("read");
  Strangers strangers(weights(), {}, path);
  EXPECT_TRUE(embed::read_stranger_groups(path).empty());
  strangers.see(sighting(strangers.open_stream("door"), 1, face_of(1, 1), 20, now()));
  strangers.save();
  const auto groups = embed::read_stranger_groups(path);
  ASSERT_EQ(groups.size(), 1U);
  EXPECT_EQ(groups[0].number, 1U);
  EXPECT_EQ(groups[0].tracks[0].camera, "door");
  EXPECT_EQ(groups[0].tracks[0].mean, strangers.groups()[0].tracks[0].mean);
  expect_error(ErrorCode::NotFound, {"none"}, [] { embed::read_stranger_groups(fresh_file("none")); });
}

TEST(StrangersFile, IsItsOwnersAloneAndHasOneWriter) {
  const std::string path = fresh_file("mode");
  const Strangers strangers(weights(), {}, path);
  struct stat there {};
  ASSERT_EQ(::stat(path.c_str(), &there), 0) << "made at once";
  EXPECT_EQ(there.st_mode & 0777U, 0600U);
  expect_error(ErrorCode::Io, {path, "somebody else"}, [&] { Strangers second(weights(), {}, path); });
}

TEST(StrangersFile, WhatHasExpiredIsGoneFromTheBytes) {
  const std::string path = fresh_file("expired");
  StrangersOptions options;
  options.retention_days = 2;
  const auto old = face_of(1, 1), recent = face_of(2, 1), older_look = face_of(2, 2);
  {
    Strangers strangers(weights(), {}, path);
    const auto stream = strangers.open_stream("");
    strangers.see(sighting(stream, 1, old, 10, now() - 3 * kDay));
    strangers.see(sighting(stream, 2, older_look, 10, now() - 3 * kDay));
    strangers.see(sighting(stream, 3, recent, 10, now() - kDay));
    strangers.save();
    EXPECT_TRUE(holds(path, old)) << "two weeks unless said";
  }
  Strangers strangers(weights(), options, path);
  EXPECT_FALSE(holds(path, old));
  EXPECT_FALSE(holds(path, older_look)) << "a track of somebody who came back since";
  EXPECT_TRUE(holds(path, recent));
  EXPECT_EQ(strangers.stats().expired, 1U);
  EXPECT_EQ(strangers.groups().size(), 1U);
  strangers.expire(now() + 3 * kDay);
  EXPECT_EQ(strangers.groups().size(), 0U);
  strangers.save();
  EXPECT_FALSE(holds(path, recent));
}

TEST(StrangersFile, WhoeverIsForgottenOrNamedIsGoneFromTheBytes) {
  const std::string path = fresh_file("forgotten");
  Strangers strangers(weights(), {}, path);
  const auto stream = strangers.open_stream("");
  for (int person = 1; person <= 2; ++person)
    strangers.see(sighting(stream, person, face_of(person, 1), 10, now()));
  strangers.save();
  ASSERT_TRUE(holds(path, face_of(1, 1)) && holds(path, face_of(2, 1)));
  embed::Gallery gallery(embed::Metric::Cosine, "abc");
  strangers.name("unknown-1", "Ada", gallery);
  strangers.forget("unknown-2");
  strangers.save();
  EXPECT_FALSE(holds(path, face_of(1, 1)) || holds(path, face_of(2, 1)));
}

std::set<std::string> files_in(const std::string& folder) {
  std::set<std::string> names;
  for (const auto& file : std::filesystem::directory_iterator(folder))
    names.insert(file.path().filename().string());
  return names;
}

TEST(StrangersFile, KeepsTheBestCropOfEachWhereAsked) {
  const std::string path = fresh_file("crops"), folder = path + ".crops";
  auto model = weights();
  model.input = fixtures::default_input();
  std::vector<std::uint8_t> dull(embed::crop_bytes(model.input), 7), bright(dull.size(), 200);
  StrangersOptions options;
  options.keep_crops = true;
  expect_error(ErrorCode::InvalidArgument, {"keep-crops"}, [&] { Strangers strangers(model, options); });
  {
    Strangers strangers(model, options, path);
    const auto stream = strangers.open_stream("");
    for (int person = 1; person <= 2; ++person) {
      strangers.see(sighting(stream, person, face_of(person, 1), 10, now()));
      strangers.offer_crop(static_cast<std::uint64_t>(person), 0.5F, dull.data());
    }
    strangers.offer_crop(1, 0.9F, bright.data());
    strangers.offer_crop(1, 0.6F, dull.data());
    strangers.offer_crop(9, 0.6F, dull.data());
    strangers.save();
    EXPECT_EQ(files_in(folder), (std::set<std::string>{"unknown-1.ppm", "unknown-2.ppm"}));
    const auto bytes = fixtures::read_bytes(folder + "/unknown-1.ppm");
    EXPECT_EQ(std::string(bytes.begin(), bytes.begin() + 13), "P6\n64 64\n255\n");
    EXPECT_TRUE(std::equal(bytes.begin() + 13, bytes.end(), bright.begin(), bright.end()));
    struct stat there {};
    ASSERT_EQ(::stat(folder.c_str(), &there), 0);
    EXPECT_EQ(there.st_mode & 0777U, 0700U);
    ASSERT_EQ(::stat((folder + "/unknown-1.ppm").c_str(), &there), 0);
    EXPECT_EQ(there.st_mode & 0777U, 0600U);
  }
  fixtures::write_bytes(folder + "/notes.txt", std::string("mine"));
  Strangers without(model, {}, path);
  without.forget("unknown-1");
  without.save();
  EXPECT_EQ(files_in(folder), (std::set<std::string>{"notes.txt", "unknown-2.ppm"}));
}

TEST(StrangersFile, IsOneForAllOfTheProcess) {
  const std::string path = fresh_file("shared");
  const auto first = embed::share_strangers(weights(), {}, path);
  EXPECT_EQ(embed::share_strangers(weights(), {}, path), first);
  first->save();
  EXPECT_EQ(embed::share_strangers(weights(), {}, path), first) << "the file's inode is another one now";
  const auto without = embed::share_strangers(weights());
  EXPECT_NE(without, first);
  EXPECT_EQ(embed::share_strangers(weights()), without);
  auto others = weights();
  others.sha256 = "abd";
  EXPECT_NE(embed::share_strangers(others), without);
}

TEST(StrangersFile, OfOtherWeightsIsRefusedAndStaysAsItIs) {
  const std::string path = fresh_file("weights");
  { Strangers strangers(weights(), {}, path); }
  const auto before = fixtures::read_bytes(path);
  auto others = weights();
  others.sha256 = "abd";
  expect_error(ErrorCode::Mismatch, {path, "weights_sha256", "other weights"},
               [&] { Strangers strangers(others, {}, path); });
  EXPECT_EQ(fixtures::read_bytes(path), before);
}

TEST(StrangersFile, InAFolderThatIsNotThereIsAnError) {
  expect_error(ErrorCode::Io, {"/no/such/strangers"},
               [] { Strangers strangers(weights(), {}, "/no/such/strangers"); });
  const std::string too_long = fixtures::temp_dir() + "/" + std::string(5000, 'x');
  expect_error(ErrorCode::Io, {too_long}, [&] { embed::share_strangers(weights(), {}, too_long); });
  const std::string folder = fixtures::temp_dir() + "/folder-of-strangers";
  std::filesystem::create_directories(folder);
  expect_error(ErrorCode::Io, {folder}, [&] { Strangers strangers(weights(), {}, folder); });
}

TEST(StrangersFile, ThatCannotBeWrittenIsToldWhileItGoesOn) {
  const std::string folder = fixtures::temp_dir() + "/vanishing";
  std::filesystem::create_directories(folder);
  Strangers strangers(weights(), {}, folder + "/s.safetensors");
  std::filesystem::remove_all(folder);
  const auto stream = strangers.open_stream("");
  EXPECT_EQ(strangers.see(sighting(stream, 1, face_of(1, 1), 10, now())), 1U);
  expect_error(ErrorCode::Io, {folder, "cannot write"}, [&] { strangers.save(); });
  EXPECT_EQ(strangers.groups().size(), 1U);
  std::string trouble;
  for (int i = 0; i < 300 && trouble.empty(); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    trouble = strangers.take_trouble();
  }
  EXPECT_THAT(trouble, ::testing::HasSubstr(folder)) << "the thread that writes";
}

TEST(StrangersFile, SaysThatNoThreadCanStart) {
  const std::string path = fresh_file("threadless");
  const fixtures::NoNewThreads none;
  expect_error(ErrorCode::OutOfMemory, {path, "cannot be started"},
               [&] { Strangers strangers(weights(), {}, path); });
}

/// A good file's parts, to be spoilt one at a time.
struct Parts {
  std::vector<embed::Embedding> embeddings{face_of(1, 1), face_of(1, 2), face_of(2, 1)};
  std::vector<float> weight{5, 6, 7};
  std::vector<std::int64_t> group{1, 1, 2}, first{now(), now(), now()}, last = first, camera{0, 0, 0},
                                                                        looks{5, 6, 7};
  std::vector<std::int64_t> joined{4, 2};
  std::map<std::string, std::string> metadata{{"kind", "tripletembed.strangers"},
                                              {"version", "1"},
                                              {"cameras", "[\"door\"]"},
                                              {"last_number", "4"},
                                              {"weights_sha256", "abc"}};
  std::string without;

  void write(const std::string& path) const {
    const auto view = [](embed::DType dtype, const auto& values, std::vector<std::int64_t> shape) {
      return embed::TensorView{dtype, std::move(shape), reinterpret_cast<const std::uint8_t*>(values.data()),
                               values.size() * sizeof(values[0]), 0};
    };
    const auto rows = static_cast<std::int64_t>(weight.size());
    std::map<std::string, embed::TensorView> tensors = {
        {"embeddings",
         view(embed::DType::F32, embeddings, {static_cast<std::int64_t>(embeddings.size()), 128})},
        {"weight", view(embed::DType::F32, weight, {rows})},
        {"looks", view(embed::DType::I64, looks, {rows})},
        {"group", view(embed::DType::I64, group, {rows})},
        {"first", view(embed::DType::I64, first, {rows})},
        {"last", view(embed::DType::I64, last, {rows})},
        {"camera", view(embed::DType::I64, camera, {rows})},
        {"joined", view(embed::DType::I64, joined, {static_cast<std::int64_t>(joined.size() / 2), 2})}};
    tensors.erase(without);
    embed::write_safetensors(path, tensors, metadata);
  }
};

TEST(StrangersFile, ThatIsBrokenIsRefusedFieldByFieldAndStaysAsItIs) {
  struct Case {
    const char* field;
    std::function<void(Parts&)> spoil;
  };
  const Case cases[] = {
      {"version", [](Parts& parts) { parts.metadata["version"] = "2"; }},
      {"kind", [](Parts& parts) { parts.metadata["kind"] = "tripletembed.gallery"; }},
      {"cameras", [](Parts& parts) { parts.metadata["cameras"] = "{}"; }},
      {"camera", [](Parts& parts) { parts.camera[1] = 1; }},
      {"camera", [](Parts& parts) { parts.camera[1] = -1; }},
      {"last_number", [](Parts& parts) { parts.metadata["last_number"] = "many"; }},
      {"last_number", [](Parts& parts) { parts.metadata["last_number"] = "99999999999999999999"; }},
      {"group", [](Parts& parts) { parts.group[2] = 5; }},
      {"group", [](Parts& parts) { parts.group[0] = 0; }},
      {"group",
       [](Parts& parts) {
         parts.group = {2, 2, 1};
       }},
      {"embeddings", [](Parts& parts) { parts.embeddings[1][3] = NAN; }},
      {"embeddings", [](Parts& parts) { parts.embeddings[1] = {}; }},
      {"weight", [](Parts& parts) { parts.weight[0] = -1; }},
      {"weight", [](Parts& parts) { parts.weight[0] = INFINITY; }},
      {"looks", [](Parts& parts) { parts.looks[2] = 0; }},
      {"first", [](Parts& parts) { parts.first[0] = -1; }},
      {"last", [](Parts& parts) { parts.last[0] = 5; }},
      {"joined",
       [](Parts& parts) {
         parts.joined = {2, 4};
       }},
      {"joined",
       [](Parts& parts) {
         parts.joined = {9, 1};
       }},
      {"joined", [](Parts& parts) { parts.without = "joined"; }},
      {"weight", [](Parts& parts) { parts.without = "weight"; }},
      {"group", [](Parts& parts) {
         parts.embeddings.assign(17, face_of(1, 1));
         parts.weight.assign(17, 5);
         parts.group.assign(17, 1);
         parts.first = parts.last = std::vector<std::int64_t>(17, 5);
         parts.camera.assign(17, 0);
         parts.looks.assign(17, 9);
       }}};
  const std::string path = fresh_file("broken");
  Parts().write(path);
  { Strangers strangers(weights(), {}, path); }
  for (const Case& each : cases) {
    Parts parts;
    each.spoil(parts);
    parts.write(path);
    const auto before = fixtures::read_bytes(path);
    expect_error(ErrorCode::Format, {path, each.field}, [&] { Strangers strangers(weights(), {}, path); });
    EXPECT_EQ(fixtures::read_bytes(path), before) << each.field;
  }
  for (const char* garbage : {"", "no safetensors", "\x08\0\0\0\0\0\0\0{}"}) {
    fixtures::write_bytes(path, std::string(garbage));
    expect_error(ErrorCode::Format, {path}, [&] { Strangers strangers(weights(), {}, path); });
    EXPECT_EQ(fixtures::read_bytes(path).size(), std::strlen(garbage));
  }
}

}  // namespace
