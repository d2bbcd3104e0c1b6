#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# sanitize.sh SOURCE BUILD KIND LIBTORCH: builds libembed's tests, and those of the trainer's threads, in BUILD under a
# sanitizer and runs them. KIND is "address,undefined" or "thread".
set -eu
source=$1
build=$2
kind=$3
libtorch=$4
[ -d "$build" ] || meson setup "$build" "$source" "-Db_sanitize=$kind" -Db_lundef=false -Dbuildtype=debugoptimized \
  -Dgst=disabled -Dfaces=disabled "-Dlibtorch=$libtorch"
ninja -C "$build" tests/libembed/test-libembed-core tests/libembed/test-libembed-gallery \
  tests/libembed/test-libembed-nn tests/training/test-training-core \
  tests/in_flight/test-in-flight tests/fuzz/fuzz-safetensors tests/fuzz/fuzz-gallery \
  tests/fuzz/fuzz-dataset tests/fuzz/fuzz-model_info
# Leaks of LibTorch's own statics are not ours to report.
export ASAN_OPTIONS=detect_leaks=0:abort_on_error=1 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
export TSAN_OPTIONS=halt_on_error=1
"$build/tests/libembed/test-libembed-core" --gtest_brief=1
"$build/tests/libembed/test-libembed-gallery" --gtest_brief=1
"$build/tests/in_flight/test-in-flight" --gtest_brief=1
"$build/tests/training/test-training-core" --gtest_brief=1
# LibTorch itself is not instrumented: with threads that makes false alarms of all that calls it.
case $kind in
  *thread*) engine='ThreadTeam.*' ;;
  *) engine='ThreadTeam.*:CpuNet.*:Conv3x3.*' ;;
esac
"$build/tests/libembed/test-libembed-nn" --gtest_brief=1 --gtest_filter="$engine"
for target in safetensors gallery dataset model_info; do
  "$build/tests/fuzz/fuzz-$target" 20000 3
done
