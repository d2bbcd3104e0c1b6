// SPDX-License-Identifier: LGPL-2.1-or-later
#include "learn/loop_teacher.h"

#include <algorithm>
#include <chrono>

#include "embed/embedding.h"
#include "embed/preprocess.h"

namespace training {

namespace {

/// Pictures whose vectors' mean stands for that of all.
constexpr std::size_t kSample = 1024;
/// Views that the teacher looks at in one pass.
constexpr std::size_t kPass = 16;

}  // namespace

LoopTeacher::LoopTeacher(Teacher& teacher, const std::string& file, const TrainingSet& set)
    : teacher_(teacher),
      cut_(set.input(), teacher.info(), file),
      student_bytes_(embed::crop_bytes(set.input())) {
  const ImageList& list = set.train();
  const std::size_t count = std::min(kSample, list.size());
  const Augmenter unchanged(Augmentation::None, set.width(), set.height(), set.input().width,
                            set.input().height, set.input().channels);
  std::vector<std::uint8_t> pictures(count * student_bytes_), scratch;
  for (std::size_t i = 0; i < count; ++i)
    unchanged.centre(list.images[i * list.size() / count].pixels(scratch),
                     pictures.data() + i * student_bytes_);
  Batch batch;
  look(pictures.data(), count, batch);
  centring_ = Centring(batch.targets.data(), count);
  seconds_ = 0;
}

void LoopTeacher::look(const std::uint8_t* pictures, std::size_t count, Batch& batch) {
  const auto start = std::chrono::steady_clock::now();
  batch.targets.resize(count * embed::kEmbeddingDim);
  views_.resize(kPass * cut_.bytes());
  for (std::size_t first = 0; first < count; first += kPass) {
    const std::size_t some = std::min(kPass, count - first);
    for (std::size_t i = 0; i < some; ++i)
      cut_.cut(pictures + (first + i) * student_bytes_, views_.data() + i * cut_.bytes());
    teacher_.look(views_.data(), some, batch.targets.data() + first * embed::kEmbeddingDim);
  }
  centring_.apply(batch.targets.data(), count);
  seconds_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace training
