// SPDX-License-Identifier: LGPL-2.1-or-later
// People who get another name, become one, or are forgotten; and what a gallery's file keeps of each row.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "embed/gallery.h"
#include "embed/safetensors.h"
#include "embed/update_gallery.h"
#include "error_matchers.h"
#include "fixtures.h"

namespace {

using embed::Embedding;
using embed::Enrolment;
using embed::ErrorCode;
using embed::Gallery;
using embed::Role;
using testing_errors::expect_error;

Enrolment from(const std::string& source, float quality = 0.5F) {
  return {quality, 1'700'000'000, source};
}

/// Ada with two rows and a counter-example, Ben and Cem with a row each.
Gallery three_people() {
  Gallery gallery(embed::Metric::Cosine, "w");
  gallery.add("Ada", fixtures::random_embedding(1), from("ada/1.jpg"));
  gallery.add("Ben", fixtures::random_embedding(2), from("ben/1.jpg", 1.0F));
  gallery.add("Ada", fixtures::random_embedding(3));
  gallery.add("Cem", fixtures::random_embedding(4));
  gallery.add("Ada", fixtures::random_embedding(5), from("stranger.jpg"), Role::CounterExample);
  gallery.set_note("Ada", "met in March");
  return gallery;
}

std::string text_of(const Embedding& embedding) {
  return {reinterpret_cast<const char*>(embedding.data()), sizeof(embedding)};
}

bool file_has(const std::string& path, const std::string& bytes) {
  const auto content = fixtures::read_bytes(path);
  return std::search(content.begin(), content.end(), bytes.begin(), bytes.end(), [](auto a, auto b) {
           return static_cast<unsigned char>(a) == static_cast<unsigned char>(b);
         }) != content.end();
}

void expect_row(const Gallery& gallery, std::size_t r, std::uint64_t seed, Role role = Role::Own) {
  const Embedding wanted = fixtures::random_embedding(seed);
  EXPECT_TRUE(std::equal(wanted.begin(), wanted.end(), gallery.row(r, role))) << r;
}

TEST(GalleryPeople, HaveIdsThatStay) {
  Gallery gallery = three_people();
  std::set<std::string> ids;
  for (const std::int64_t label : {0, 1, 2}) {
    ids.insert(gallery.person_id(label));
    EXPECT_EQ(gallery.person_id(label).find_first_not_of("0123456789abcdef"), std::string::npos);
    EXPECT_EQ(gallery.person_id(label).size(), 32U);
  }
  EXPECT_EQ(ids.size(), 3U);
  EXPECT_EQ(gallery.person_id(-1), "");
  EXPECT_EQ(gallery.person_id(3), "");
  const std::string ben = gallery.person_id(1);
  gallery.remove("Ada");
  EXPECT_EQ(gallery.person_id(0), ben);
  EXPECT_NE(three_people().person_id(0), three_people().person_id(0)) << "random";
}

TEST(GalleryPeople, ARenamedPersonKeepsRowsIdAndNote) {
  Gallery gallery = three_people();
  const std::string id = gallery.person_id(0);
  gallery.rename(" Ada", "Zo\u0065\u0308 ");  // e and a diaeresis: one character in normal form C
  EXPECT_EQ(gallery.names(), (std::vector<std::string>{"Zoë", "Ben", "Cem"}));
  EXPECT_EQ(gallery.find("Zoë"), 0);
  EXPECT_EQ(gallery.find("Ada"), -1);
  EXPECT_EQ(gallery.person_id(0), id);
  EXPECT_EQ(gallery.note(0), "met in March");
  EXPECT_EQ(gallery.rows_of(0), 2U);
  gallery.rename("Zoë", "Zoë ");  // her own name in another spelling
  EXPECT_EQ(gallery.name(0), "Zoë");
}

TEST(GalleryPeople, RenamingRefusesTheUnknownAndTheTaken) {
  Gallery gallery = three_people();
  expect_error(ErrorCode::NotFound, {"nobody", "'Dan'"}, [&] { gallery.rename("Dan", "Eve"); });
  expect_error(ErrorCode::InvalidArgument, {"'Ben' already", "merge"}, [&] { gallery.rename("Ada", "Ben"); });
  expect_error(ErrorCode::InvalidArgument, {"identity name"}, [&] { gallery.rename("Ada", "???"); });
  EXPECT_EQ(gallery.names(), three_people().names());
}

TEST(GalleryPeople, MergedPeopleAreOne) {
  Gallery gallery = three_people();
  const std::string cem = gallery.person_id(2);
  gallery.merge("Ada", "Cem");
  EXPECT_EQ(gallery.names(), (std::vector<std::string>{"Ben", "Cem"}));
  EXPECT_EQ(gallery.rows_of(1), 3U);
  EXPECT_EQ(gallery.rows_of(1, Role::CounterExample), 1U);
  EXPECT_EQ(gallery.person_id(1), cem);
  EXPECT_EQ(gallery.note(1), "met in March");
  for (const std::size_t r : {0, 2, 3}) EXPECT_EQ(gallery.identity(r), 1);
  EXPECT_EQ(gallery.identity(1), 0);
  EXPECT_EQ(gallery.enrolment(0).source, "ada/1.jpg");
  EXPECT_EQ(gallery.find("Ada"), -1);
}

TEST(GalleryPeople, MergingRefusesTheUnknownAndOnePersonTwice) {
  Gallery gallery = three_people();
  expect_error(ErrorCode::NotFound, {"'Dan'"}, [&] { gallery.merge("Dan", "Ada"); });
  expect_error(ErrorCode::NotFound, {"'Dan'"}, [&] { gallery.merge("Ada", "Dan"); });
  expect_error(ErrorCode::InvalidArgument, {"same name"}, [&] { gallery.merge("Ada ", "Ada"); });
}

TEST(GalleryPeople, ARemovedPersonTakesCounterExamplesAlong) {
  Gallery gallery = three_people();
  gallery.add("Cem", fixtures::random_embedding(6), {}, Role::CounterExample);
  EXPECT_EQ(gallery.remove("Ada"), 2U);
  EXPECT_EQ(gallery.rows(), 2U);
  ASSERT_EQ(gallery.rows(Role::CounterExample), 1U);
  expect_row(gallery, 0, 6, Role::CounterExample);
  EXPECT_EQ(gallery.identity(0, Role::CounterExample), 1);
  EXPECT_EQ(gallery.enrolment(0).source, "ben/1.jpg");
  EXPECT_EQ(gallery.note(0), "");
}

TEST(GalleryPeople, ACounterExampleNeedsAPerson) {
  Gallery gallery = three_people();
  expect_error(ErrorCode::NotFound, {"'Dan'"},
               [&] { gallery.add("Dan", fixtures::random_embedding(1), {}, Role::CounterExample); });
}

TEST(GalleryPeople, EnrolmentsAreChecked) {
  Gallery gallery;
  const Embedding row = fixtures::random_embedding(1);
  for (const float quality : {-0.1F, 1.1F, std::nanf("")}) {
    expect_error(ErrorCode::InvalidArgument, {"quality"}, [&] { gallery.add("A", row, {quality, 0, ""}); });
  }
  expect_error(ErrorCode::InvalidArgument, {"time"}, [&] { gallery.add("A", row, {1.0F, -1, ""}); });
  for (const std::string& source : {std::string(5000, 'x'), std::string("\xff")}) {
    expect_error(ErrorCode::InvalidArgument, {"source"}, [&] { gallery.add("A", row, {1.0F, 0, source}); });
  }
  EXPECT_EQ(gallery.rows(), 0U);
  EXPECT_TRUE(gallery.names().empty());
  gallery.add("A", row);
  expect_error(ErrorCode::InvalidArgument, {"note"}, [&] { gallery.set_note("A", "\xff"); });
  expect_error(ErrorCode::NotFound, {"'B'"}, [&] { gallery.set_note("B", "note"); });
}

TEST(GalleryPeople, AllOfItComesBackFromTheFile) {
  const std::string path = fixtures::temp_dir() + "/people.safetensors";
  const Gallery gallery = three_people();
  gallery.save(path);
  const Gallery back = Gallery::load(path, "w");
  EXPECT_EQ(back.names(), gallery.names());
  for (const std::int64_t label : {0, 1, 2}) {
    EXPECT_EQ(back.person_id(label), gallery.person_id(label));
    EXPECT_EQ(back.note(label), gallery.note(label));
  }
  for (const Role role : {Role::Own, Role::CounterExample}) {
    ASSERT_EQ(back.rows(role), gallery.rows(role));
    for (std::size_t r = 0; r < back.rows(role); ++r) {
      EXPECT_EQ(back.identity(r, role), gallery.identity(r, role));
      EXPECT_TRUE(std::equal(back.row(r, role), back.row(r, role) + 128, gallery.row(r, role)));
      EXPECT_EQ(back.enrolment(r, role).quality, gallery.enrolment(r, role).quality);
      EXPECT_EQ(back.enrolment(r, role).time, gallery.enrolment(r, role).time);
      EXPECT_EQ(back.enrolment(r, role).source, gallery.enrolment(r, role).source);
    }
  }
}

TEST(GalleryPeople, WhoIsForgottenIsGoneFromTheFilesBytes) {
  const std::string path = fixtures::temp_dir() + "/forgotten.safetensors";
  const Gallery gallery = three_people();
  gallery.save(path);
  const std::string traces[] = {text_of(fixtures::random_embedding(1)),
                                text_of(fixtures::random_embedding(3)),
                                text_of(fixtures::random_embedding(5)),
                                "Ada",
                                "ada/1.jpg",
                                "stranger.jpg",
                                "met in March"};
  for (const std::string& trace : traces) EXPECT_TRUE(file_has(path, trace));
  embed::update_gallery(path, Gallery(embed::Metric::Cosine, "w"), [](Gallery& now) { now.remove("Ada"); });
  for (const std::string& trace : traces) EXPECT_FALSE(file_has(path, trace));
  EXPECT_TRUE(file_has(path, text_of(fixtures::random_embedding(2))));
}

TEST(GalleryPeople, ThoseOfAFileOfVersionOneHaveTheSameIdsEachTime) {
  const std::string path = fixtures::temp_dir() + "/version1.safetensors";
  const std::vector<float> values(2 * 128, 0.5F);
  const std::int64_t identity[] = {0, 1};
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(values.data());
  embed::write_safetensors(
      path,
      {{"embeddings", {embed::DType::F32, {2, 128}, bytes, values.size() * 4}},
       {"identity", {embed::DType::I64, {2}, reinterpret_cast<const std::uint8_t*>(identity), 16}}},
      {{"kind", "tripletembed.gallery"},
       {"version", "1"},
       {"names", R"(["Ada","Ben"])"},
       {"metric", "cosine"},
       {"weights_sha256", "w"}});
  const Gallery first = Gallery::load(path), second = Gallery::load(path);
  EXPECT_EQ(first.person_id(0).size(), 32U);
  EXPECT_EQ(first.person_id(0), second.person_id(0));
  EXPECT_NE(first.person_id(0), first.person_id(1));
  EXPECT_EQ(first.enrolment(0).time, 0);
  EXPECT_FALSE(first.enrolment(0).quality.has_value());
  first.save(path);
  EXPECT_EQ(Gallery::load(path).person_id(1), second.person_id(1));
}

/// The columns of a file of version 2 with two rows, to be spoilt in one place.
struct Columns {
  std::vector<std::uint8_t> role = {0, 1}, person_ids = std::vector<std::uint8_t>(16, 7);
  std::vector<float> quality = {0.5F, -1.0F};
  std::vector<std::int64_t> time = {0, 1}, source = {-1, 0}, identity = {0, 0};
  std::map<std::string, std::string> metadata = {{"kind", "tripletembed.gallery"}, {"version", "2"},
                                                 {"names", R"(["Ada"])"},          {"metric", "cosine"},
                                                 {"weights_sha256", "w"},          {"notes", R"(["hello"])"},
                                                 {"sources", R"(["a.jpg"])"}};
  std::string missing;

  std::string write() const {
    const std::vector<float> values(2 * 128, 0.5F);
    const auto view = [](embed::DType dtype, std::vector<std::int64_t> shape, const auto& items) {
      return embed::TensorView{dtype, std::move(shape), reinterpret_cast<const std::uint8_t*>(items.data()),
                               items.size() * sizeof(items[0])};
    };
    const auto column = [&](embed::DType dtype, const auto& items) {
      return view(dtype, {static_cast<std::int64_t>(items.size())}, items);
    };
    std::map<std::string, embed::TensorView> tensors = {
        {"embeddings", view(embed::DType::F32, {2, 128}, values)},
        {"identity", column(embed::DType::I64, identity)},
        {"role", column(embed::DType::U8, role)},
        {"quality", column(embed::DType::F32, quality)},
        {"time", column(embed::DType::I64, time)},
        {"source", column(embed::DType::I64, source)},
        {"person_ids",
         view(embed::DType::U8, {static_cast<std::int64_t>(person_ids.size() / 16), 16}, person_ids)}};
    tensors.erase(missing);
    const std::string path = fixtures::temp_dir() + "/columns.safetensors";
    embed::write_safetensors(path, tensors, metadata);
    return path;
  }
};

void refuse(const Columns& columns, const std::string& fragment) {
  const std::string path = columns.write();
  expect_error(ErrorCode::Format, {path, fragment}, [&] { Gallery::load(path); });
}

TEST(GalleryColumns, TheUnspoiltOnesAreAGallery) {
  const Gallery gallery = Gallery::load(Columns().write());
  EXPECT_EQ(gallery.rows(), 1U);
  EXPECT_EQ(gallery.person_id(0), "07070707070707070707070707070707");
  EXPECT_EQ(gallery.note(0), "hello");
  EXPECT_EQ(gallery.enrolment(0).quality, 0.5F);
  EXPECT_EQ(gallery.enrolment(0, Role::CounterExample).source, "a.jpg");
  EXPECT_FALSE(gallery.enrolment(0, Role::CounterExample).quality.has_value());
}

TEST(GalleryColumns, RefusesWhatIsMissing) {
  for (const char* name : {"role", "quality", "time", "source", "person_ids"}) {
    Columns columns;
    columns.missing = name;
    refuse(columns, name);
  }
}

TEST(GalleryColumns, RefusesBadValues) {
  Columns columns;
  columns.role = {0, 2};
  refuse(columns, "row 1: role 2");
  columns = {};
  columns.role = {1, 1};
  refuse(columns, "'Ada' has counter-examples alone");
  for (const float quality : {1.5F, -0.5F, std::nanf("")}) {
    columns = {};
    columns.quality[1] = quality;
    refuse(columns, "row 1: quality");
  }
  columns = {};
  columns.time[0] = -1;
  refuse(columns, "row 0: time");
  for (const std::int64_t source : {std::int64_t{1}, std::int64_t{-2}, INT64_MIN}) {
    columns = {};
    columns.source[1] = source;
    refuse(columns, "row 1: source " + std::to_string(source));
  }
  columns = {};
  columns.metadata.erase("sources");
  refuse(columns, "row 1: source 0, but there are 0 sources");
}

TEST(GalleryColumns, RefusesPeopleThatDoNotAgree) {
  Columns columns;
  columns.person_ids.resize(32, 7);
  refuse(columns, "person_ids");
  columns.metadata["names"] = R"(["Ada","Ben"])";
  columns.person_ids[0] = 8;
  refuse(columns, "notes: as many as names expected");
  columns.metadata["notes"] = R"(["",""])";
  columns.person_ids[0] = 7;
  refuse(columns, "person_ids: two people have the same id");
  columns = {};
  columns.metadata["notes"] = "[\"" + std::string(5000, 'x') + "\"]";
  refuse(columns, "note");
}

TEST(UpdateGallery, StartsWithAFreshOneWhereThereIsNoFile) {
  const std::string path = fixtures::temp_dir() + "/new.safetensors";
  std::filesystem::remove(path);
  const Gallery fresh(embed::Metric::L2, "w");
  embed::update_gallery(path, fresh,
                        [](Gallery& gallery) { gallery.add("Ada", fixtures::random_embedding(1)); });
  const Gallery saved = Gallery::load(path, "w");
  EXPECT_EQ(saved.metric(), embed::Metric::L2);
  EXPECT_EQ(saved.rows(), 1U);
  struct stat status {};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
}

TEST(UpdateGallery, LeavesTheFileWhereTheChangeFails) {
  const std::string path = fixtures::temp_dir() + "/kept.safetensors";
  three_people().save(path);
  const auto before = fixtures::read_bytes(path);
  const Gallery fresh(embed::Metric::Cosine, "w");
  expect_error(ErrorCode::NotFound, {"'Dan'"}, [&] {
    embed::update_gallery(path, fresh, [](Gallery& gallery) {
      gallery.remove("Ada");
      gallery.rename("Dan", "Eve");
    });
  });
  EXPECT_EQ(fixtures::read_bytes(path), before);
  expect_error(ErrorCode::Mismatch, {path}, [&] {
    embed::update_gallery(path, Gallery(embed::Metric::Cosine, "other"), [](Gallery&) {});
  });
}

TEST(UpdateGallery, ManyWritersAtOnceLoseNobodyByWhateverNameTheyCallTheFile) {
  const std::string folder = fixtures::temp_dir() + "/many-writers", path = folder + "/people.safetensors",
                    link = folder + "/link.safetensors";
  std::filesystem::remove_all(folder);
  std::filesystem::create_directory(folder);
  std::filesystem::create_symlink("people.safetensors", link);
  std::vector<std::thread> threads;
  for (std::uint64_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (std::uint64_t i = 0; i < 10; ++i) {
        embed::update_gallery(
            t % 2 == 0 ? path : link, Gallery(embed::Metric::Cosine, "w"), [&](Gallery& now) {
              now.add("P" + std::to_string(10 * t + i), fixtures::random_embedding(10 * t + i));
            });
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(Gallery::load(path).names().size(), 40U);
  EXPECT_TRUE(std::filesystem::is_symlink(link));
}

}  // namespace
