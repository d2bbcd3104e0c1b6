#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Face weights that may be used for anything: taught by a free teacher on free pictures, from pictures to file. No label and
# no picture of CelebA or LFW is learned from.
#
#   ./run exec training/recipes/default.sh DATA OUT.safetensors [WORK]
#
# DATA holds fairface/ (FairFace's pictures in folders 00, 01, …: faces cut with a padding of 0.25), lfw/, lfw-protocol/ and
# models/ with a YuNet file; the last three are for measuring alone. WORK (default OUT.work) keeps teacher, packed sets and
# checkpoint: a run that was stopped goes on where it was. SIZE, FIELD_OF_VIEW, EPOCHS, BLENDS, THREADS and
# PRECISION change what they say.
#
# 1. The teacher: teacher-dlib.sh.
# 2. FairFace's folders 00 to 17, once as large as they are for the teacher, once for the student. The others are held out.
#    And twice as many blends of two of these pictures: people who do not exist, but whom the teacher can describe.
# 3. The teacher's vectors: of each picture and its mirror image, the mean.
# 4. A student follows them while its pictures are turned, blurred, covered and compressed.
# 5. Its embeddings are made to vary more evenly, by these pictures.
# 6. LFW: the thresholds from view 1's training people, of whom nothing was learned, and all measures on its test people.
set -euo pipefail

[ $# -ge 2 ] || { sed -n '3,20s/^# \{0,1\}//p' "$0" >&2; exit 2; }
data=$1 out=$2 work=${3:-$2.work}
size=${SIZE:-80}
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
mkdir -p "$work/fairface"
# Threads that wait asleep: a busy machine slows the run down, but does not bring it to a stop.
export OMP_WAIT_POLICY=passive
teacher=$work/dlib.onnx
detector=$data/models/face_detection_yunet_2023mar.onnx

[ -f "$teacher" ] || "$here/teacher-dlib.sh" "$teacher"
for folder in "$data"/fairface/{0[0-9],1[0-7]}; do
  [ ! -d "$folder" ] || ln -sfn "$(realpath "$folder")" "$work/fairface/"
done
pack() {  # NAME OPTION… : packs once, by the teacher's rule
  local file=$work/$1.safetensors
  shift
  [ -f "$file" ] || triplet-train pack --out "$file" --teacher "$teacher" "$@"
}
# The whole chip lies around the student's picture: room to shift and turn it.
small=(--size "$size" --field-of-view "${FIELD_OF_VIEW:-0.8889}" --context 1.125)
pack fairface-144 --size 144 --as-cut "$work/fairface"
pack "fairface-$size" "${small[@]}" --as-cut "$work/fairface"
for people in Train Test; do
  pack "lfw-$people-$size" "${small[@]}" --detect --detector-model "$detector" --fallback centre \
    --people "$data/lfw-protocol/peopleDev$people.txt" "lfw=$data/lfw"
done
for side in 144 "$size"; do
  blends=$work/blends-$side.safetensors
  [ -f "$blends" ] || triplet-train blend --data "$work/fairface-$side.safetensors" --count "${BLENDS:-72000}" --out "$blends"
done
for set in fairface blends; do
  vectors=$work/$set-vectors.safetensors
  [ -f "$vectors" ] || triplet-train teach --teacher "$teacher" --data "$work/$set-144.safetensors" --flip --out "$vectors"
done

triplet-train train --data "$work/fairface-$size.safetensors,$work/blends-$size.safetensors" \
  --teacher "$work/fairface-vectors.safetensors,$work/blends-vectors.safetensors" \
  --val "$work/lfw-Test-$size.safetensors" --val-images 1200 --eval-every 2 --select last \
  --aug face --batch-size 128 --epochs "${EPOCHS:-17}" --optimizer adamw --lr 0.001 --weight-decay 0.05 --warmup-epochs 0.3 \
  --ema 0.999 --precision "${PRECISION:-auto}" --threads "${THREADS:-2}" --workers 1 --storage f16 --checkpoint-every 120 \
  --resume --trained-on "FairFace, folders 00 to 17: 36,000 faces without labels, and 72,000 blends of two of them" \
  --terms "FairFace: CC BY 4.0 as its authors state; the photographs are of YFCC-100M, whose owners' own terms may differ" \
  --recipe "training/recipes/default.sh" --out "$work/student.safetensors"
triplet-train whiten --power 0.1 --weights "$work/student.safetensors" --data "$work/fairface-$size.safetensors" --out "$out"

# Of these people nothing was learned either.
triplet-train evaluate --weights "$out" --data "$work/lfw-Train-$size.safetensors" --calibrate --far 0.001
triplet-train evaluate --weights "$out" --data "$work/lfw-Test-$size.safetensors" --identification "${PEOPLE:-50}" 3
triplet-train evaluate --weights "$out" --pairs "$data/lfw-protocol/pairsDevTest.txt" --images "$data/lfw" \
  --detector-model "$detector" --json
