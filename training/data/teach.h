// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <functional>
#include <string>

#include "data/teacher.h"
#include "data/teacher_vectors.h"
#include "embed/dataset.h"

namespace training {

/// Shows the views of every picture of `set` to the teacher and writes its vectors to `out`. `teacher_file`
/// is for messages. `done` hears of every picture. Throws embed::Error(Mismatch) when the pictures were cut
/// by a rule that does not lead to the teacher's, Error(Format) for pictures without a source or two of the
/// same, what Teacher::look throws, and Error(Io).
void teach(const embed::Dataset& set, Teacher& teacher, const std::string& teacher_file,
           const ViewRule& views, const std::string& out, const std::function<void()>& done);

}  // namespace training
