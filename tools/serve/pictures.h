// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "gallery/pictures.h"

namespace serve {

using gallery_tool::has_picture;
using gallery_tool::Picture;
using gallery_tool::picture_of;
using gallery_tool::read_file;
using gallery_tool::read_picture;

}  // namespace serve
