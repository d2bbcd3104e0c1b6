// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "gallery/search/code_scan.h"

#if defined(__aarch64__) && defined(__GNUC__)
#define EMBED_SCAN_ARM 1

namespace embed {

/// As ScanVariant::scan. Only for machines that have the instructions.
void scan_arm_dot(ScanKind kind, const CodePanels& rows, ScanQuery* queries, std::size_t count,
                  HitSink& sink);
void scan_neon(ScanKind kind, const CodePanels& rows, ScanQuery* queries, std::size_t count, HitSink& sink);

}  // namespace embed

#endif
