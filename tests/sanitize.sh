#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# sanitize.sh SOURCE BUILD KIND LIBTORCH DATA ELEMENTS FACES: builds the tests in BUILD under a sanitizer and runs
# them. KIND is "address,undefined" or "thread"; ELEMENTS and FACES are "enabled" or "disabled".
set -eu
source=$1
build=$2
kind=$3
libtorch=$4
data=$5
elements=$6
faces=$7
fuzzed='fuzz-[a-z_]*'
case $kind in
  *thread*)
    # GLib's mutexes and conditions are futexes of its own, which the thread sanitizer does not see, and neither GLib,
    # GStreamer nor OpenCV is instrumented: what the object lock guards would be an alarm wherever it is read. The
    # elements' own threads meet in in_flight.h and in libembed's batch queue, which are tested here without them.
    elements=disabled
    faces=disabled
    fuzzed='fuzz-[dg]a[a-z]*' # dataset and gallery; the others have one thread.
    ;;
esac
# -O1: the sanitizers' code costs more than what is optimised away, and all is compiled in half the time.
set -- "-Db_sanitize=$kind" -Db_lundef=false -Doptimization=1 -Ddebug=true -Dcpp_args=-g1 "-Dgst=$elements" \
  "-Dfaces=$faces" "-Dlibtorch=$libtorch" "-Ddata=$data"
if [ -d "$build" ]; then meson configure "$build" "$@"; else meson setup "$build" "$source" "$@"; fi

# targets PATTERN: those of the tests whose path fits.
targets() { ninja -C "$build" -t targets all | sed -n "s,^\\($1\\): .*_LINKER\$,\\1,p"; }
core='tests/libembed/test-libembed-core tests/libembed/test-libembed-gallery tests/libembed/test-libembed-net
tests/gst-plugin/sessions/test-in-flight tests/training/test-training-core'
torch='tests/libembed/test-libembed-nn tests/training/test-training-nn'
fuzz=$(targets "tests/fuzz/$fuzzed")
streams=
pictures=
plugin=
if [ "$faces" = enabled ]; then pictures="tests/libembed/faces/faces-test $(targets 'tests/[tv][a-z]*/[a-z-]*-test')"; fi
if [ "$elements" = enabled ]; then
  # gst-overload measures how late a stream is, which says nothing where all is ten times slower; gst-same-vector
  # compares numbers. Neither has a thread that the others have not.
  streams=$(targets 'tests/gst-plugin/test-[a-z-]*' | grep -v -e overload -e same-vector)
  plugin=gst-plugin/libgsttripletembed.so
fi
# shellcheck disable=SC2086  # Lists of words.
ninja -C "$build" $core $torch $fuzz $pictures $streams $plugin training/cli/triplet-train

# Leaks are looked for by gst-leaks: LibTorch's, GLib's and fontconfig's own statics are not ours to report.
export ASAN_OPTIONS=detect_leaks=0:abort_on_error=1 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
export TSAN_OPTIONS=halt_on_error=1
# The elements are looked at in the tests' own process: GStreamer's scanner, a program without the sanitizer, could
# not load them.
export GST_REGISTRY_FORK=no GST_PLUGIN_PATH="$build/gst-plugin" GST_REGISTRY="$build/registry.bin"
export TRIPLET_TRAIN="$build/training/cli/triplet-train" TRIPLETEMBED_WALKS=20 SOAK_FRAMES=3200
failed=
# run PROGRAM [ARGUMENT …]: tells which failed at the end, so that one finding does not hide the next.
run() {
  echo "== $*"
  program=$1
  shift
  # As in the build files, others are to find no weights.
  case $program in
    *ten-frames | *cover-attack) export TRIPLETEMBED_MODEL="$source/models/faces-r18.safetensors" ;;
    *) unset TRIPLETEMBED_MODEL ;;
  esac
  "$build/$program" "$@" || failed="$failed ${program##*/}"
}
for test in $core $pictures $streams; do run "$test" --gtest_brief=1; done
case $kind in
  *thread*)
    # LibTorch and its OpenMP are not instrumented: they hand work to threads in ways that the sanitizer does not
    # see, and each value that a test reads afterwards is an alarm. What threads the engine starts itself is
    # tested here, those of the trainer (sampler, prefetcher, augmentation) in test-training-core.
    run tests/libembed/test-libembed-nn --gtest_brief=1 '--gtest_filter=ThreadTeam.*'
    ;;
  *) for test in $torch; do run "$test" --gtest_brief=1; done ;;
esac
for test in $fuzz; do
  case $test in
    # Each input of these starts the program anew, or the engine.
    *-arguments | *-config | *-weights) run "$test" 50 3 ;;
    *-regions | *-checkpoint) run "$test" 500 3 ;;
    *) run "$test" 5000 3 ;;
  esac
done
[ -z "$failed" ] || echo "failed under $kind:$failed" >&2
[ -z "$failed" ]
