#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Goes on from the default face weights at 80×80 pixels: better on LFW's pairs, not (yet) better in the sample clips; see
# docs/results.md. On one core with AVX512-BF16 it takes about 40 minutes.
#
#   ./run exec training/recipes/faces-80.sh DATA OUT.safetensors [WORK]
#
# DATA and WORK as in faces.sh. The weights that it starts from are models/faces-r18.safetensors, or WEIGHTS. A stopped run goes on.
set -euo pipefail

[ $# -ge 2 ] || { sed -n '3,8s/^# \{0,1\}//p' "$0" >&2; exit 2; }
data=$1 out=$2 work=${3:-$2.work}
weights=${WEIGHTS:-${TRIPLETEMBED_MODEL:?set by ./run exec}}
mkdir -p "$work"
export OMP_WAIT_POLICY=passive
detector=$data/models/face_detection_yunet_2023mar.onnx
pack() {  # NAME OPTION… : packs once
  local file=$work/$1-80.safetensors
  shift
  [ -f "$file" ] || triplet-train pack --out "$file" --size 80 --context 1.25 --align five-point \
    --detect --detector-model "$detector" "$@"
}
pack lfw --skip-bad --people "$data/lfw-protocol/peopleDevTrain.txt" "lfw=$data/lfw"
pack celeba --skip-bad "celeba=$data/celeba" "celeba=$data/celeba-aligned"
pack lfw-test --fallback centre --people "$data/lfw-protocol/peopleDevTest.txt" "lfw=$data/lfw"

triplet-train train --data "$work/celeba-80.safetensors,$work/lfw-80.safetensors" \
  --val "$work/lfw-test-80.safetensors" --val-images 1200 --eval-every 4 --select last --init "$weights" \
  --aug face --loss cosface --no-neck --scale 28 --cos-margin 0.35 --cos-margin-epochs 2 --lr 0.08 --warmup-epochs 0.3 \
  --epochs "${EPOCHS:-15}" --batch-size 128 --ema 0.998 --precision bf16 --threads "${THREADS:-1}" --workers 1 --storage f16 \
  --checkpoint-every 300 --resume \
  --trained-on "CelebA crops and aligned CelebA (research use), LFW view-1 training people (research use)" \
  --recipe "training/recipes/faces-80.sh" --out "$out"
triplet-train evaluate --weights "$out" --data "$work/lfw-test-80.safetensors" --calibrate --far "${FAR:-0.0001}"
triplet-train evaluate --weights "$out" --pairs "$data/lfw-protocol/pairsDevTest.txt" --images "$data/lfw" --flip \
  --threshold-pairs "$data/lfw-protocol/pairsDevTrain.txt" --detector-model "$detector" --json
