// SPDX-License-Identifier: LGPL-2.1-or-later
// make-fixtures FOLDER: writes weights.safetensors (random) and gallery.safetensors (of those weights, two
// names) for the tests that are not written in C++.
#include <exception>
#include <filesystem>
#include <iostream>

#include "fixtures.h"

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: make-fixtures FOLDER\n";
    return 2;
  }
  try {
    const std::string folder = argv[1];
    std::filesystem::create_directories(folder);
    const std::string weights = fixtures::write_weights(folder + "/weights.safetensors");
    fixtures::write_gallery(
        folder + "/gallery.safetensors", weights,
        {{"Ada", fixtures::random_embedding(1)}, {"Błażej", fixtures::random_embedding(2)}});
  } catch (const std::exception& error) {
    std::cerr << "make-fixtures: " << error.what() << '\n';
    return 1;
  }
  return 0;
}
