// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>

namespace training {

/// training/report/page/report.html with its style and scripts, up to its data and behind it; made at build
/// time.
extern const std::string kReportHead, kReportTail;

}  // namespace training
