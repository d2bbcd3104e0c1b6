#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Runs one example as its header says and looks at what it gives. Exits 77 (skipped) without weights or real faces.
#
# usage: test_example.sh launch|python|compare|enrol|two-kinds|cameras|live|strangers|attendance|mqtt EXAMPLE [PROGRAM]
set -euo pipefail
what=$1 example=$2 program=${3:-}

skip() {
  echo "skipped: $*"
  exit 77
}
fail() {
  echo "failed: $*" >&2
  exit 1
}

if [ "$what" = two-kinds ]; then
  # A short form of it: few digits, one epoch.
  digits="${TRIPLETEMBED_DATA:-}/mnist"
  [ -d "$digits" ] || skip "no MNIST (TRIPLETEMBED_DATA/mnist)"
  scratch=$(mktemp -d)
  trap 'rm -rf "$scratch"' EXIT
  PER_CLASS=12 PER_CLASS_TEST=5 "$example" "$digits" "$scratch" edges 3 --epochs 1 --pk 5 4 >"$scratch/out"
  cat "$scratch/out"
  for towers in shared separate; do
    grep -Eq "^edges, seed 3, $towers towers: .*\"nearest_accuracy\":(0\.[0-9]+|[01])" "$scratch/out" ||
      fail "no figures of $towers towers"
  done
  exit 0
fi
[ -f "${TRIPLETEMBED_MODEL:-}" ] || skip "no default weights (TRIPLETEMBED_MODEL)"
video="${TRIPLETEMBED_DATA:-}/video" pictures="${TRIPLETEMBED_DATA:-}/celeba"
if [ ! -d "$video" ] || [ ! -d "$pictures" ]; then skip "no real data (TRIPLETEMBED_DATA)"; fi
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
gallery="$scratch/people.safetensors"

enrol_person_a() {
  triplet-gallery enroll --weights "$TRIPLETEMBED_MODEL" --gallery "$gallery" --video "$video/bird.mkv" --name A >/dev/null
}

# at_least COUNT TEXT FILE: that many lines hold the text.
at_least() {
  local found
  found=$(grep -c -- "$2" "$3" || true)
  [ "$found" -ge "$1" ] || fail "'$2' in $found lines, expected at least $1: $(head -c 2000 "$3")"
}

case $what in
  launch)
    enrol_person_a
    "$example" "$video/milk.mkv" "$gallery" "$scratch/names.jsonl"
    at_least 30 '"label":"A"' "$scratch/names.jsonl"
    ;;
  cameras)
    enrol_person_a
    GST_DEBUG=tripletembed:5 GST_DEBUG_NO_COLOR=1 "$example" "$gallery" "$scratch" "$video/milk.mkv" "$video/bird.mkv" \
      2>"$scratch/log"
    for camera in 1 2; do at_least 30 '"label":"A"' "$scratch/$camera.jsonl"; done
    at_least 1 '2 streams share the model' "$scratch/log"
    at_least 1 'mean-batch-size=(double)' "$scratch/log"
    ;;
  python)
    /usr/bin/python3 -c 'import gi; gi.require_version("Gst", "1.0")' 2>/dev/null || skip "no python3-gi"
    enrol_person_a
    /usr/bin/python3 -W default::DeprecationWarning "$example" "$video/milk.mkv" "$gallery" >"$scratch/out" 2>"$scratch/said"
    if grep -q 'DeprecationWarning.*02-names\|02-names.*DeprecationWarning' "$scratch/said"; then fail "$(cat "$scratch/said")"; fi
    /usr/bin/python3 "$example" "$video/milk.mkv" "$gallery" 2>"$scratch/said" | head -n 1 >/dev/null || true
    if grep -q Traceback "$scratch/said"; then fail "a closed pipe: $(cat "$scratch/said")"; fi
    at_least 30 '  A  distance 0\.[0-9]*  |embedding| 1\.000$' "$scratch/out"
    ;;
  live)
    /usr/bin/python3 -c 'import gi; gi.require_version("Gst", "1.0")' 2>/dev/null || skip "no python3-gi"
    /usr/bin/python3 "$example" "$video/bird.mkv" "$gallery" A >"$scratch/out"
    at_least 1 '^track [0-9]* is A$' "$scratch/out"
    # Who was enrolled in one clip is known in another, and nobody is enrolled twice.
    /usr/bin/python3 "$example" "$video/milk.mkv" "$gallery" B >"$scratch/out"
    at_least 1 '^A: [0-9][0-9] frames$' "$scratch/out"
    if grep -q ' is B$' "$scratch/out"; then fail "$(cat "$scratch/out")"; fi
    ;;
  strangers)
    /usr/bin/python3 -c 'import gi; gi.require_version("Gst", "1.0")' 2>/dev/null || skip "no python3-gi"
    /usr/bin/python3 "$example" "$scratch/strangers.safetensors" "$gallery" A "$video"/{bird,eat,milk}.mkv >"$scratch/out"
    at_least 1 '^bird.mkv: unknown-1, [0-9][0-9] frames$' "$scratch/out"
    at_least 1 '^eat.mkv: unknown-2, ' "$scratch/out"
    at_least 1 '^unknown-1, who was in 2 videos, is A$' "$scratch/out"
    # Another call knows both: the one by the name, the other as the stranger of before.
    /usr/bin/python3 "$example" "$scratch/strangers.safetensors" "$gallery" C "$video"/{please,night}.mkv >"$scratch/out"
    at_least 1 '^please.mkv: A, [0-9][0-9] frames$' "$scratch/out"
    at_least 1 '^unknown-2, who was in 1 videos, is C$' "$scratch/out"
    ;;
  mqtt)
    for program in mosquitto mosquitto_sub; do
      PATH=$PATH:/usr/sbin command -v "$program" >/dev/null || skip "no $program"
    done
    gst-inspect-1.0 tripletpublish >/dev/null || skip "no tripletpublish"
    enrol_person_a
    "$example" "$gallery" "$video/milk.mkv" >"$scratch/out"
    at_least 1 '^tripletembed/status/example online$' "$scratch/out"
    at_least 1 '^tripletembed/presence/door/A present$' "$scratch/out"
    at_least 1 '^tripletembed/presence/door/A absent$' "$scratch/out"
    at_least 1 '^tripletembed/events/door {"event":"named","camera":"door",.*"label":"A"' "$scratch/out"
    at_least 1 '^tripletembed/status/example offline$' "$scratch/out"
    ;;
  attendance)
    /usr/bin/python3 -c 'import gi; gi.require_version("Gst", "1.0")' 2>/dev/null || skip "no python3-gi"
    enrol_person_a
    /usr/bin/python3 "$example" "$gallery" "$video/milk.mkv" >"$scratch/out"
    # The program in C++ says the same, but for the second in which it does.
    [ -z "$program" ] || "$program" "$gallery" "file://$video/milk.mkv" >>"$scratch/out"
    at_least "$([ -z "$program" ] && echo 1 || echo 2)" "^$(date +%F)  [0-2][0-9]:[0-5][0-9]:[0-5][0-9]  [0-2][0-9]:[0-5][0-9]:[0-5][0-9]  A\$" "$scratch/out"
    [ -z "$program" ] || ! "$program" "$gallery" "file:///nowhere.mkv" 2>"$scratch/said" || fail "a missing file was no error"
    if /usr/bin/python3 "$example" "$gallery" /nowhere.mkv 2>"$scratch/said"; then fail "a missing file was no error"; fi
    # A stay over midnight counts on both days.
    /usr/bin/python3 - "$example" >"$scratch/out" <<'END'
import datetime, importlib.util, sys
spec = importlib.util.spec_from_file_location("attendance", sys.argv[1])
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
attendance = module.Attendance()
attendance.add("A", *(datetime.datetime(2026, 2, day, hour).astimezone() for day, hour in ((27, 22), (28, 1))))
print(attendance.seen)
END
    at_least 1 "{('2026-02-27', 'A'): ('22:00:00', '23:59:59'), ('2026-02-28', 'A'): ('00:00:00', '01:00:00')}" "$scratch/out"
    ;;
  compare)
    # Six pairs of one person and as many of two, from the first pictures of folders in their order, at the distance
    # of the equal error rate: the weights' own threshold would turn most of them away.
    [ -d "$TRIPLETEMBED_DATA/lfw" ] || skip "no pictures of LFW"
    same=0 other=0 pairs=0 last=
    for person in "$TRIPLETEMBED_DATA"/lfw/*/; do
      mapfile -t files < <(find "$person" -name '*.jpg' | sort)
      [ "${#files[@]}" -ge 2 ] || continue
      "$example" "${files[0]}" "${files[1]}" 0.38 >"$scratch/same" 2>/dev/null || continue
      if [ -n "$last" ]; then
        "$example" "$last" "${files[0]}" 0.38 >"$scratch/other" 2>/dev/null || continue
        pairs=$((pairs + 1))
        grep -q ': the same person$' "$scratch/same" && same=$((same + 1))
        grep -q ': not the same person$' "$scratch/other" && other=$((other + 1))
      fi
      last=${files[0]}
      [ "$pairs" -lt 6 ] || break
    done
    echo "right: $same of $pairs pairs of one person, $other of $pairs of two"
    [ "$pairs" -eq 6 ] || fail "only $pairs pairs could be compared"
    [ $((same + other)) -ge 10 ] || fail "fewer than 10 of 12 answers are right"
    status=0
    "$example" "$0" "$0" 2>"$scratch/error" || status=$?
    [ "$status" -eq 1 ] || fail "a file that is no picture gave status $status"
    at_least 1 "test_example.sh" "$scratch/error"
    "$example" "$last" "$last" >"$scratch/out"
    threshold=$(triplet-train inspect "$TRIPLETEMBED_MODEL" | awk '$1 == "threshold" { value = $2 } END { printf "%.3f", value }')
    at_least 1 ", threshold ${threshold/./\\.}: the same person\$" "$scratch/out"
    if "$example" "$last" "$last" none 2>/dev/null; then fail "a threshold that is no number was taken"; fi
    ;;
  enrol)
    mkdir "$scratch/people"
    count=0
    for person in "$pictures"/*/; do
      mapfile -t files < <(find "$person" -name '*.jpg' | sort)
      [ "${#files[@]}" -ge 6 ] || continue
      mkdir "$scratch/people/p$count"
      cp "${files[@]:1:5}" "$scratch/people/p$count/"
      [ "$count" -gt 0 ] || photo=${files[0]}
      count=$((count + 1))
      [ "$count" -lt 3 ] || break
    done
    "$example" "$scratch/people" "$gallery" "$photo" >"$scratch/out"
    cat "$scratch/out"
    for name in p0 p1 p2; do at_least 1 "$name" "$scratch/out"; done
    [ -s "$gallery" ] || fail "no gallery was written"
    ;;
  *) fail "unknown example: $what" ;;
esac
