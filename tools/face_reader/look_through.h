// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>

#include "face_reader/clip_faces.h"
#include "pictures/face_cropper.h"

namespace face_reader {

/// FaceReader::look_through() with this detector.
void look_through_clip(const std::string& clip, pictures::FaceCropper& cropper, const ClipOptions& options,
                       ClipFaces& faces);

}  // namespace face_reader
