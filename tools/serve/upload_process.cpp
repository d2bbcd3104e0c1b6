// SPDX-License-Identifier: LGPL-2.1-or-later
#include "serve/upload_process.h"

#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <memory>

#include "command_line/console.h"
#include "embed/error.h"
#include "embed/options.h"
#include "enrolment/enrol_picture.h"
#include "gallery/output.h"
#include "serve/hex.h"

namespace serve {

namespace {

using gallery_tool::Json;

// LibTorch alone reserves a good part of that.
constexpr rlim_t kMemory = rlim_t{8} << 30U;
constexpr rlim_t kSeconds = 30;

void limit(int what, rlim_t most) {
  const rlimit both = {most, most};
  if (::setrlimit(what, &both) != 0)
    throw embed::Error(embed::ErrorCode::Io, "the limits of the process that reads pictures cannot be set");
}

void confine() {
  // The server's connections.
  ::close_range(3, ~0U, 0);
  ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  limit(RLIMIT_CORE, 0);
  limit(RLIMIT_FSIZE, 0);
  limit(RLIMIT_CPU, kSeconds);
  limit(RLIMIT_AS, kMemory);
}

std::string standard_input() {
  std::string bytes;
  std::array<char, 65536> block{};
  for (ssize_t got = 0; (got = ::read(STDIN_FILENO, block.data(), block.size())) > 0;) {
    bytes.append(block.data(), static_cast<std::size_t>(got));
    if (bytes.size() > kMostUpload) break;
  }
  return bytes;
}

std::unique_ptr<face_reader::FaceReader> reader_for(const std::string& weights) {
  face_reader::ReaderOptions options;
  options.weights = weights;
  options.embedder.device = "cpu";
  CLI::App defaults;
  options.detector.add(defaults, embed::kDetectorOptions, "");
  options.detector.add(defaults, embed::kPictureOptions, "");
  return face_reader::make_face_reader(options);
}

/// A PPM or PGM. `crop`: [height, width, channels] uint8 as `input` says.
std::string pnm(const std::vector<std::uint8_t>& crop, const embed::InputSpec& input) {
  std::string pixels(crop.begin(), crop.end());
  if (input.channels == 3 && input.bgr)
    for (std::size_t i = 0; i + 2 < pixels.size(); i += 3) std::swap(pixels[i], pixels[i + 2]);
  return std::string(input.channels == 3 ? "P6\n" : "P5\n") + std::to_string(input.width) + " " +
         std::to_string(input.height) + "\n255\n" + pixels;
}

}  // namespace

int upload_process(const std::string& weights) {
  confine();
  const std::string bytes = standard_input();
  const auto reader = reader_for(weights);
  const enrolment::PictureRows picture = enrolment::enrol_picture(
      *reader, reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size(), "the picture", {});
  Json said = {{"refusal", enrolment::to_string(picture.refusal)}, {"why", picture.why}};
  if (!picture.rows.empty()) {
    const enrolment::FaceRow& row = picture.rows.front();
    said["embedding"] = to_hex({reinterpret_cast<const char*>(row.embedding.data()), sizeof row.embedding});
    said["quality"] = row.enrolment.quality.value_or(0);
    said["crop"] = to_hex(pnm(row.face.crop, reader->model().input));
  }
  command_line::print("%s\n", gallery_tool::json_text(said).c_str());
  return 0;
}

}  // namespace serve
