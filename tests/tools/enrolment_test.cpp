// SPDX-License-Identifier: LGPL-2.1-or-later
// What becomes of the faces of pictures, with a reader that finds what a test wants it to find.
#include <gtest/gtest.h>

#include <map>

#include "embed/error.h"
#include "enrolment/apply.h"
#include "enrolment/doubts.h"
#include "fixtures.h"

namespace {

using embed::Embedding;
using embed::Gallery;
using enrolment::FaceRule;
using enrolment::Refusal;
using face_reader::PictureFaces;
using Which = enrolment::FaceRule::Which;

/// A face of one of some people: beside all others of that person, far from everybody else's.
Embedding face_of(std::uint64_t person, std::uint64_t number) {
  constexpr float kNoise = 0.2F;
  Embedding face = fixtures::random_embedding(person);
  const Embedding noise = fixtures::random_embedding(1000 + number);
  for (std::size_t i = 0; i < face.size(); ++i) face[i] += kNoise * noise[i];
  return face;
}

PictureFaces with_faces(const std::vector<float>& qualities, std::size_t main = 0) {
  PictureFaces picture;
  picture.main = main;
  for (const float quality : qualities) {
    face_reader::CutFace face;
    face.quality.overall = quality;
    face.crop = {static_cast<std::uint8_t>(picture.faces.size())};
    picture.faces.push_back(face);
  }
  return picture;
}

class FakeReader : public face_reader::FaceReader {
 public:
  std::map<std::string, PictureFaces> pictures;

  const embed::ModelInfo& model() const noexcept override { return model_; }
  bool is_picture(const std::string&) const override { return true; }
  PictureFaces read(const std::string& path) override {
    const auto found = pictures.find(path);
    if (found == pictures.end())
      throw embed::Error(embed::ErrorCode::Format, "the file is empty, not an image", path);
    return found->second;
  }
  PictureFaces read(const std::uint8_t* bytes, std::size_t size, const std::string&) override {
    return read(std::string(bytes, bytes + size));
  }
  std::optional<face_reader::Turned> turned(const std::string&) override { return std::nullopt; }
  void look_through(const std::string&, const face_reader::ClipOptions&, face_reader::ClipFaces&) override {}
  std::vector<Embedding> embed(const std::vector<std::uint8_t>& crops) const override {
    std::vector<Embedding> embeddings;
    for (const std::uint8_t crop : crops) embeddings.push_back(fixtures::random_embedding(crop));
    return embeddings;
  }
  void save_crop(const std::string&, const std::vector<std::uint8_t>&) const override {}

 private:
  embed::ModelInfo model_;
};

FaceRule rule_of(Which which, std::size_t count = 1) {
  FaceRule rule;
  rule.which = which;
  rule.count = count;
  return rule;
}

TEST(ChooseFaces, TakesWhatTheRuleSays) {
  using Numbers = std::vector<std::size_t>;
  const PictureFaces one = with_faces({0.9F}), three = with_faces({0.9F, 0.8F, 0.7F}, 2);
  struct Case {
    const PictureFaces& picture;
    FaceRule rule;
    Numbers chosen;
    Refusal refusal;
  };
  for (const Case& c : {Case{one, rule_of(Which::Only), {0}, Refusal::None},
                        Case{three, rule_of(Which::Only), {}, Refusal::SeveralFaces},
                        Case{three, rule_of(Which::Largest), {0}, Refusal::None},
                        Case{three, rule_of(Which::Centre), {2}, Refusal::None},
                        Case{three, rule_of(Which::AllOf, 3), {0, 1, 2}, Refusal::None},
                        Case{three, rule_of(Which::AllOf, 2), {}, Refusal::SeveralFaces},
                        Case{one, rule_of(Which::AllOf, 2), {}, Refusal::SeveralFaces},
                        Case{with_faces({}), rule_of(Which::Centre), {}, Refusal::NoFace},
                        Case{with_faces({0.01F}), rule_of(Which::Only), {}, Refusal::PoorFace},
                        Case{with_faces({0.9F, 0.01F}), rule_of(Which::Largest), {0}, Refusal::None},
                        Case{with_faces({0.9F, 0.01F}), rule_of(Which::AllOf, 2), {}, Refusal::PoorFace}}) {
    Refusal refusal = Refusal::Unreadable;
    std::string why = "before";
    EXPECT_EQ(enrolment::choose_faces(c.picture, c.rule, refusal, why), c.chosen);
    EXPECT_EQ(refusal, c.refusal) << why;
    EXPECT_EQ(why.empty(), c.refusal == Refusal::None);
  }
}

TEST(EnrolPicture, GivesARowOrTheReason) {
  FakeReader reader;
  reader.pictures["a.jpg"] = with_faces({0.9F, 0.8F});
  const auto two = enrol_picture(reader, "a.jpg", rule_of(Which::Only));
  EXPECT_EQ(two.refusal, Refusal::SeveralFaces);
  EXPECT_NE(two.why.find("2 faces in it; --face largest"), std::string::npos) << two.why;
  EXPECT_TRUE(two.rows.empty());
  const auto all = enrol_picture(reader, "a.jpg", rule_of(Which::AllOf, 2));
  ASSERT_EQ(all.rows.size(), 2U);
  EXPECT_EQ(all.rows[1].embedding, fixtures::random_embedding(1));
  EXPECT_EQ(all.rows[1].enrolment.source, "a.jpg");
  EXPECT_EQ(all.rows[1].enrolment.quality, 0.8F);
  EXPECT_GT(all.rows[1].enrolment.time, 0);
  const auto none = enrol_picture(reader, "b.jpg", rule_of(Which::Only));
  EXPECT_EQ(none.refusal, Refusal::Unreadable);
  EXPECT_EQ(none.why, "the file is empty, not an image");
}

TEST(EnrolPicture, TakesBytesToo) {
  FakeReader reader;
  reader.pictures["bytes"] = with_faces({0.9F});
  const std::string bytes = "bytes";
  const auto row = enrol_picture(reader, reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size(),
                                 "an upload", rule_of(Which::Only));
  ASSERT_EQ(row.rows.size(), 1U);
  EXPECT_EQ(row.rows[0].enrolment.source, "an upload");
}

/// Three faces each of people 1 to 3.
Gallery three_people() {
  Gallery gallery;
  for (std::uint64_t person = 1; person <= 3; ++person) {
    for (std::uint64_t i = 0; i < 3; ++i) {
      const std::string name = "P" + std::to_string(person);
      gallery.add(name, face_of(person, 10 * person + i), {0.9F, 1, name + "/" + std::to_string(i)});
    }
  }
  return gallery;
}

std::vector<enrolment::Doubt> doubts(Gallery& gallery) {
  std::vector<std::size_t> rows(gallery.rows());
  for (std::size_t r = 0; r < rows.size(); ++r) rows[r] = r;
  gallery.build_means();
  return enrolment::find_doubts(gallery, rows, 0.3F, 0.4F);
}

TEST(Doubts, AreNoneWhereAllIsWell) {
  Gallery gallery = three_people();
  EXPECT_TRUE(doubts(gallery).empty());
}

TEST(Doubts, OfAPictureInTheWrongFolderIsThatPictureAlone) {
  Gallery gallery = three_people();
  gallery.add("P3", face_of(1, 99), {0.9F, 1, "P3/odd"});
  const auto found = doubts(gallery);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].kind, enrolment::Doubt::Kind::NearAnother);
  const std::string text = doubt_text(gallery, found[0]);
  EXPECT_EQ(text.find("P3 (P3/odd) is within the threshold of P1 (P1/"), 0U) << text;
}

TEST(Doubts, OfAStrangerIsThatItIsFar) {
  Gallery gallery = three_people();
  gallery.add("P3", face_of(7, 99), {0.9F, 1, "P3/odd"});
  const auto found = doubts(gallery);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].kind, enrolment::Doubt::Kind::FarFromOwn);
  EXPECT_EQ(gallery.enrolment(found[0].row).source, "P3/odd");
  EXPECT_GT(found[0].distance, found[0].limit);
}

TEST(Doubts, OfTwoRowsThatAreFarFromEachOtherIsTheLater) {
  Gallery gallery;
  gallery.add("P1", face_of(1, 1), {0.9F, 1, "a"});
  gallery.add("P1", face_of(2, 2), {0.9F, 1, "b"});
  const auto found = doubts(gallery);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].row, 1U);
  EXPECT_EQ(found[0].other, 0U);
}

enrolment::Candidate candidate(const std::string& name, std::uint64_t person,
                               const std::vector<std::uint64_t>& faces) {
  enrolment::Candidate one;
  one.name = name;
  one.looked_at = one.faces = faces.size();
  for (const std::uint64_t face : faces) {
    enrolment::FaceRow row;
    row.embedding = face_of(person, face);
    row.enrolment = {0.9F, 1, "in/" + name + "/" + std::to_string(face)};
    one.rows.push_back(row);
  }
  return one;
}

TEST(Apply, SyncMakesTheFoldersRowsWhatTheFolderGives) {
  Gallery gallery;
  gallery.add("Ada", face_of(1, 50), {0.9F, 1, "elsewhere"});
  const std::vector<enrolment::Candidate> before = {candidate("Ada", 1, {1, 2, 3}), candidate("Ben", 2, {4})};
  enrolment::apply(gallery, before, enrolment::Mode::Append, "in");
  const std::vector<enrolment::Candidate> now = {candidate("Ada", 1, {2, 5}), candidate("Cem", 3, {6})};
  const auto applied = enrolment::apply(gallery, now, enrolment::Mode::Sync, "./in/");
  EXPECT_EQ(gallery.names(), (std::vector<std::string>{"Ada", "Cem"}));
  ASSERT_EQ(applied.changes.size(), 3U);
  const enrolment::Change& ada = applied.changes[0];
  EXPECT_EQ(ada.added, 1U);
  EXPECT_EQ(ada.removed, 2U);
  EXPECT_EQ(ada.kept, 1U);
  EXPECT_TRUE(applied.changes[2].gone) << applied.changes[2].name;
  ASSERT_EQ(applied.rows.size(), 2U);
  for (const auto* rows : {&applied.rows, &applied.kept})
    for (const enrolment::PlacedRow& row : *rows)
      EXPECT_EQ(gallery.enrolment(row.row).source, row.face->enrolment.source);
  EXPECT_EQ(gallery.rows(), 4U);
}

TEST(Apply, SyncKeepsTheRowsOfAPictureThatCannotBeRead) {
  Gallery gallery;
  const std::vector<enrolment::Candidate> before = {candidate("Ada", 1, {1, 2})};
  enrolment::apply(gallery, before, enrolment::Mode::Append, "in");
  std::vector<enrolment::Candidate> now = {candidate("Ada", 1, {2})};
  now[0].unread = {"in/Ada/1"};
  enrolment::apply(gallery, now, enrolment::Mode::Sync, "in");
  EXPECT_EQ(gallery.rows(), 2U);
}

}  // namespace
