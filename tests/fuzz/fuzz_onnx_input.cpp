// SPDX-License-Identifier: LGPL-2.1-or-later
// The part of an .onnx file that is read here: the shape that it declares for its input.
#include "faces/onnx_input.h"
#include "fuzz_target.h"

namespace fuzz {

namespace {

/// A field of a protocol buffer message that is a message or a text.
std::string field(unsigned number, const std::string& content) {
  return std::string{static_cast<char>(number << 3U | 2U), static_cast<char>(content.size())} + content;
}

std::string dimension(int size) {
  return field(1, size < 0 ? field(2, "batch") : std::string{8, static_cast<char>(size)});
}

}  // namespace

/// A graph with a constant among its inputs, as older files have it, and one that takes [N, 3, 112, 112].
std::vector<Bytes> seeds() {
  const std::string tensor = field(2, dimension(-1) + dimension(3) + dimension(112) + dimension(112));
  const std::string constant = field(11, field(1, "w") + field(2, field(1, field(2, dimension(1)))));
  const std::string input = field(11, field(1, "data") + field(2, field(1, tensor)));
  std::vector<Bytes> files;
  for (const std::string& graph : {input, field(5, field(8, "w")) + constant + input}) {
    const std::string file = std::string{8, 7} + field(2, "made") + field(7, graph);
    files.emplace_back(file.begin(), file.end());
  }
  return files;
}

}  // namespace fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto shape = embed::faces::declared_input(data, size);
  if (shape.size() > size) fuzz::broken("a shape has no more sides than the file has bytes");
  return 0;
}
