// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "gallery/search/code_scan.h"

#if defined(__x86_64__) && defined(__GNUC__)
#define EMBED_SCAN_X86 1
// GCC knows tiles since 11, and with it its assembler.
#if defined(__clang__) || __GNUC__ >= 11
#define EMBED_SCAN_AMX 1
#endif

namespace embed {

/// As ScanVariant::scan. Only for machines that have the instructions; scan_amx needs AVX512-VNNI too, and
/// that cpu_features has been asked.
void scan_amx(ScanKind kind, const CodePanels& rows, ScanQuery* queries, std::size_t count, HitSink& sink);
void scan_avx512_vnni(ScanKind kind, const CodePanels& rows, ScanQuery* queries, std::size_t count,
                      HitSink& sink);
void scan_avx2(ScanKind kind, const CodePanels& rows, ScanQuery* queries, std::size_t count, HitSink& sink);

}  // namespace embed

#endif
