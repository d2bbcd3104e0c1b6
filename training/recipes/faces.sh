#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Face weights at 64×64, from pictures to file: the first step of faces-80.sh. On two CPU cores with AVX-512 it takes
# about 45 minutes.
#
#   ./run exec training/recipes/faces.sh DATA OUT.safetensors [WORK]
#
# DATA holds celeba/, celeba-aligned/ (the same identity numbers), lfw/, lfw-protocol/ and models/ with a YuNet file.
# WORK (default OUT.work) keeps the packed sets and the checkpoint: a run that was stopped goes on where it was.
#
# 1. Faces are found and cut as in the stream, with room around them for the augmentation.
# 2. CosFace over 4,218 identities, the margin growing from 0 to 0.25 in the first half. The people of LFW's view-1 test
#    list are only looked at: the last epoch's weights are kept, whatever they score.
# 3. The threshold, at one false accept in a thousand over all pairs of those people, whom no training saw.
set -euo pipefail

[ $# -ge 2 ] || { sed -n '3,15s/^# \{0,1\}//p' "$0" >&2; exit 2; }
data=$1 out=$2 work=${3:-$2.work}
mkdir -p "$work"
# Threads that wait asleep: a busy machine slows the run down, but does not bring it to a stop.
export OMP_WAIT_POLICY=passive

detector=$data/models/face_detection_yunet_2023mar.onnx
pack() {  # NAME OPTION… : packs once
  local file=$work/$1.safetensors
  shift
  [ -f "$file" ] || triplet-train pack --out "$file" --size 64 --context 1.25 --align five-point \
    --detect --detector-model "$detector" "$@"
}
pack lfw --min-images 2 --skip-bad --people "$data/lfw-protocol/peopleDevTrain.txt" "lfw=$data/lfw"
pack celeba --min-images 2 --skip-bad "celeba=$data/celeba" "celeba=$data/celeba-aligned"
pack lfw-test --fallback centre --people "$data/lfw-protocol/peopleDevTest.txt" "lfw=$data/lfw"

triplet-train train --data "$work/celeba.safetensors,$work/lfw.safetensors" \
  --val "$work/lfw-test.safetensors" --val-images 2000 --eval-every 4 --select last \
  --aug face --loss cosface --no-neck --epochs 16 --cos-margin-epochs 8 --batch-size 128 \
  --threads "${THREADS:-2}" --storage f16 --resume \
  --trained-on "CelebA crops and aligned CelebA (research use), LFW view-1 training people (research use)" \
  --recipe "training/recipes/faces.sh" --out "$out"

triplet-train evaluate --weights "$out" --data "$work/lfw-test.safetensors" --calibrate --far 0.001
triplet-train evaluate --weights "$out" --pairs "$data/lfw-protocol/pairsDevTest.txt" --images "$data/lfw" --flip \
  --detector-model "$detector" --json
