#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The default face weights, from pictures to file: faces.sh's at 64×64, then on at 80×80 pixels. On one core with
# AVX512-BF16 it takes about three hours.
#
#   ./run exec training/recipes/faces-80.sh DATA OUT.safetensors [WORK]
#
# DATA and WORK as in faces.sh. Every step that is done stays in WORK: a stopped run goes on.
#
# 1. faces.sh.
# 2. At 80×80 with a larger margin; class weights begin as the mean embeddings of their pictures.
# 3. With the people of one picture too: each is one more to be told apart.
# 4. With faces blurred, covered and turned twice as much, as they come from cameras.
# 5. The threshold, at one false accept in a thousand over all pairs of LFW's view-1 test people, whom no training saw.
set -euo pipefail

[ $# -ge 2 ] || { sed -n '3,15s/^# \{0,1\}//p' "$0" >&2; exit 2; }
data=$1 out=$2 work=${3:-$2.work}
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
mkdir -p "$work"
export OMP_WAIT_POLICY=passive
detector=$data/models/face_detection_yunet_2023mar.onnx
[ -f "$work/faces-64.done" ] || "$here/faces.sh" "$data" "$work/faces-64.safetensors" "$work"
touch "$work/faces-64.done"
pack() {  # NAME OPTION… : packs once
  local file=$work/$1-80.safetensors
  shift
  [ -f "$file" ] || triplet-train pack --out "$file" --size 80 --context 1.25 --align five-point \
    --detect --detector-model "$detector" "$@"
}
pack lfw --skip-bad --people "$data/lfw-protocol/peopleDevTrain.txt" "lfw=$data/lfw"
pack celeba --skip-bad "celeba=$data/celeba" "celeba=$data/celeba-aligned"
pack lfw-test --fallback centre --people "$data/lfw-protocol/peopleDevTest.txt" "lfw=$data/lfw"

go_on() {  # FROM TO OPTION… : trains once
  local from=$work/$1.safetensors to=$work/$2.safetensors
  shift 2
  [ -f "$to.done" ] || triplet-train train --data "$work/celeba-80.safetensors,$work/lfw-80.safetensors" \
    --val "$work/lfw-test-80.safetensors" --val-images 1200 --eval-every 4 --select last --init "$from" --size 80 \
    --aug face --loss cosface --no-neck --warmup-epochs 0.3 --batch-size 128 --ema 0.998 --precision auto \
    --threads "${THREADS:-1}" --workers 1 --storage f16 --checkpoint-every 300 --resume \
    --trained-on "CelebA crops and aligned CelebA (research use), LFW view-1 training people (research use)" \
    --recipe "training/recipes/faces-80.sh" --out "$to" "$@"
  touch "$to.done"
}
go_on faces-64 larger --scale 28 --cos-margin 0.35 --cos-margin-epochs 2 --lr 0.08 --epochs 15
go_on larger everybody --min-images 1 --scale 30 --cos-margin 0.4 --cos-margin-epochs 2 --lr 0.08 --epochs 22
go_on everybody cameras --min-images 1 --scale 30 --cos-margin 0.4 --cos-margin-epochs 1 --lr 0.06 --epochs 13 \
  --aug-strength 2

cp "$work/cameras.safetensors" "$out"
triplet-train evaluate --weights "$out" --data "$work/lfw-test-80.safetensors" --calibrate --far 0.001
triplet-train evaluate --weights "$out" --pairs "$data/lfw-protocol/pairsDevTest.txt" --images "$data/lfw" --flip \
  --threshold-pairs "$data/lfw-protocol/pairsDevTrain.txt" --detector-model "$detector" --json
