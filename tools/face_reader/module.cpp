// SPDX-License-Identifier: LGPL-2.1-or-later
// libtriplet-gallery-faces.so: face_reader.h over libembed, OpenCV and GStreamer.
#include <cstring>

#include "face_reader/reader.h"

namespace face_reader {

namespace {

std::unique_ptr<FaceReader> make(const ReaderOptions& options) {
  return std::make_unique<LoadedReader>(options);
}

}  // namespace

}  // namespace face_reader

extern "C" [[gnu::visibility("default")]] face_reader::MakeReader triplet_gallery_faces(const char* version) {
  return std::strcmp(version, TRIPLETEMBED_VERSION) == 0 ? face_reader::make : nullptr;
}
