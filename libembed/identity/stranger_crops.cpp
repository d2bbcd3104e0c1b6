// SPDX-License-Identifier: LGPL-2.1-or-later
#include "identity/stranger_crops.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include "embed/error.h"
#include "embed/strangers.h"
#include "files/atomic_file.h"

namespace embed::identity {
namespace {

namespace fs = std::filesystem;

/// The number that a file's name says; 0 for another file than a crop.
std::uint64_t number_of(const fs::path& file) {
  if (file.extension() != ".ppm" && file.extension() != ".pgm") return 0;
  try {
    return stranger_number(file.stem().string());
  } catch (const Error&) {
    return 0;
  }
}

}  // namespace

void write_crop(const std::string& folder, std::uint64_t number, const std::vector<std::uint8_t>& crop,
                const InputSpec& input) {
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST)
    throw Error(ErrorCode::Io, std::string("cannot make the folder: ") + std::strerror(errno), folder);
  const bool grey = input.channels == 1;
  std::vector<std::uint8_t> pixels = crop;
  if (!grey && input.bgr)
    for (std::size_t i = 0; i + 2 < pixels.size(); i += 3) std::swap(pixels[i], pixels[i + 2]);
  const std::string header = std::string(grey ? "P5" : "P6") + "\n" + std::to_string(input.width) + " " +
                             std::to_string(input.height) + "\n255\n";
  AtomicFile file(folder + "/" + stranger_label(number) + (grey ? ".pgm" : ".ppm"), Readers::Owner);
  file.write(header.data(), header.size());
  file.write(pixels.data(), pixels.size());
  file.commit();
}

void remove_crops(const std::string& folder, const std::set<std::uint64_t>& but_these) {
  std::error_code failed;
  std::vector<fs::path> surplus;
  for (fs::directory_iterator it(folder, failed), end; !failed && it != end; it.increment(failed)) {
    const std::uint64_t number = number_of(it->path());
    if (number != 0 && but_these.count(number) == 0) surplus.push_back(it->path());
  }
  if (failed && failed != std::errc::no_such_file_or_directory)
    throw Error(ErrorCode::Io, "cannot read the folder: " + failed.message(), folder);
  for (const fs::path& file : surplus)
    if (!fs::remove(file, failed) && failed)
      throw Error(ErrorCode::Io, "cannot remove: " + failed.message(), file.string());
}

}  // namespace embed::identity
