// SPDX-License-Identifier: LGPL-2.1-or-later
// QEMU's plugin for arm64_process.py: counts the instructions of a program, and writes their number to the
// file that COUNT_FILE names. Debian has no header of QEMU's plugins: what is declared here is of version 1
// of their interface (https://www.qemu.org/docs/master/devel/tcg-plugins.html).
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

typedef uint64_t qemu_plugin_id_t;
struct qemu_plugin_tb;
void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id,
                                           void (*call)(qemu_plugin_id_t, struct qemu_plugin_tb*));
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb* block, void (*call)(unsigned thread, void*),
                                          int flags, void* data);
void qemu_plugin_register_atexit_cb(qemu_plugin_id_t id, void (*call)(qemu_plugin_id_t, void*), void* data);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb* block);

__attribute__((visibility("default"))) int qemu_plugin_version = 1;

// A thread has its own sum, which no other one writes; the last is for all threads beyond.
enum { THREADS = 256 };
static uint64_t counts[THREADS];

static void runs(unsigned thread, void* instructions) {
  counts[thread < THREADS ? thread : THREADS - 1] += (uintptr_t)instructions;
}

static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb* block) {
  (void)id;
  qemu_plugin_register_vcpu_tb_exec_cb(block, runs, 0, (void*)qemu_plugin_tb_n_insns(block));
}

static void ended(qemu_plugin_id_t id, void* data) {
  (void)id, (void)data;
  uint64_t all = 0;
  for (int thread = 0; thread < THREADS; ++thread) all += counts[thread];
  const char* path = getenv("COUNT_FILE");
  FILE* file = path != NULL ? fopen(path, "w") : NULL;
  if (file == NULL) return;
  fprintf(file, "%llu\n", (unsigned long long)all);
  fclose(file);
}

__attribute__((visibility("default"))) int qemu_plugin_install(qemu_plugin_id_t id, const void* info,
                                                               int argc, char** argv) {
  (void)info, (void)argc, (void)argv;
  qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
  qemu_plugin_register_atexit_cb(id, ended, NULL);
  return 0;
}
