// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/teachers.h"

#include "embed/embedding.h"
#include "embed/error.h"
#include "embed/faces/onnx_network.h"

namespace training::cli {

namespace {

class OnnxTeacher : public Teacher {
 public:
  explicit OnnxTeacher(const std::string& path)
      : info_(read_teacher_info(path)), network_(path, info_.input) {
    if (network_.dimension() == embed::kEmbeddingDim) return;
    throw embed::Error(embed::ErrorCode::Mismatch,
                       "gives vectors of " + std::to_string(network_.dimension()) +
                           " values, a student's have " + std::to_string(embed::kEmbeddingDim),
                       path);
  }
  const TeacherInfo& info() const noexcept override { return info_; }
  void look(const std::uint8_t* pictures, std::size_t count, float* vectors) override {
    network_.run(pictures, count, vectors);
  }

 private:
  TeacherInfo info_;
  embed::faces::OnnxNetwork network_;
};

}  // namespace

std::unique_ptr<Teacher> open_teacher(const std::string& network) {
  return std::make_unique<OnnxTeacher>(network);
}

}  // namespace training::cli
