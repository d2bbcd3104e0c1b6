// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "fixtures.h"

namespace model_files {

/// YuNet's file of "2022mar" or "2023mar" in the data folder, or "" where there is none.
inline std::string yunet(const std::string& month) {
  const auto data = fixtures::data_dir();
  return data ? *data + "/models/face_detection_yunet_" + month + ".onnx" : std::string();
}

/// CenterFace's file in the data folder, or where `./run detector centerface` keeps it, or "".
inline std::string centerface() {
  std::vector<std::filesystem::path> folders;
  if (const auto data = fixtures::data_dir()) folders.emplace_back(*data + "/models");
  const char* cache = std::getenv("XDG_CACHE_HOME");
  const char* home = std::getenv("HOME");
  if (cache != nullptr && *cache == '/') {
    folders.emplace_back(std::string(cache) + "/tripletembed/models");
  } else if (home != nullptr) {
    folders.emplace_back(std::string(home) + "/.cache/tripletembed/models");
  }
  for (const auto& folder : folders) {
    if (std::filesystem::is_regular_file(folder / "centerface.onnx")) return folder / "centerface.onnx";
  }
  return {};
}

/// Why a test that needs CenterFace's file skips.
inline constexpr const char* kNoCenterFace = "no centerface.onnx (./run detector centerface fetches it)";

/// Every network's file that this machine has.
inline std::vector<std::string> all() {
  std::vector<std::string> files;
  for (const std::string& file : {yunet("2022mar"), yunet("2023mar"), centerface()}) {
    if (!file.empty()) files.push_back(file);
  }
  return files;
}

}  // namespace model_files
