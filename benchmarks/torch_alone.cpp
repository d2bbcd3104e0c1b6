// SPDX-License-Identifier: LGPL-2.1-or-later
// A program that links LibTorch and does nothing with it; prints the resident memory in MB that this takes.
// What a pipeline needs is measured against it.
#include <ATen/Parallel.h>

#include <cstdio>
#include <cstring>

int main() {
  // Without a name out of it the linker would leave LibTorch out.
  int (*volatile kept)() = &at::get_num_threads;
  std::FILE* file = std::fopen("/proc/self/status", "r");
  if (file == nullptr || kept == nullptr) return 1;
  char line[256];
  double kilobytes = 0;
  while (std::fgets(line, sizeof line, file) != nullptr) {
    if (std::strncmp(line, "VmRSS:", 6) == 0) std::sscanf(line + 6, "%lf", &kilobytes);
  }
  std::fclose(file);
  std::printf("%.1f\n", kilobytes / 1024);
  return kilobytes > 0 ? 0 : 1;
}
