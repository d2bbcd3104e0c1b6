#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The default face weights, from pictures to file. On two CPU cores it takes a bit more than an hour.
#
#   ./run exec training/recipes/faces.sh DATA OUT.safetensors [WORK]
#
# DATA holds celeba/, celeba-aligned/ (the same identity numbers), lfw/, lfw-protocol/ and models/ with a YuNet file.
# WORK (default OUT.work) keeps the packed sets and checkpoints: a run that was stopped goes on where it was.
#
# 1. Warm start: CosFace on small 48×48 crops, which cost half of what 64×64 ones do.
# 2. The triplet loss at full size: batch-hard, 32 people × 4 pictures.
# 3. The threshold, at one false accept in a thousand over all pairs of LFW's view-1 test people, whom no training saw.
set -euo pipefail

[ $# -ge 2 ] || { sed -n '3,12s/^# \{0,1\}//p' "$0" >&2; exit 2; }
data=$1 out=$2 work=${3:-$2.work}
mkdir -p "$work"
# The training batches hold few threads' worth of work at this size, and one thread repeats bit for bit anywhere.
threads=${THREADS:-1}

detector=$data/models/face_detection_yunet_2023mar.onnx
pack() {  # NAME SIZE OPTION… : packs once
  local name=$1 size=$2
  shift 2
  [ -f "$work/$name-$size.safetensors" ] || triplet-train pack --out "$work/$name-$size.safetensors" --size "$size" \
    --context 1.25 --detect --detector-model "$detector" --align five-point "$@"
}
for size in 48 64; do
  pack lfw "$size" --min-images 2 --skip-bad --people "$data/lfw-protocol/peopleDevTrain.txt" "lfw=$data/lfw"
  pack celeba "$size" --min-images 2 --skip-bad "celeba=$data/celeba" "celeba=$data/celeba-aligned"
done
pack lfw-test 64 --fallback centre --people "$data/lfw-protocol/peopleDevTest.txt" "lfw=$data/lfw"

triplet-train train --data "$work/celeba-48.safetensors,$work/lfw-48.safetensors" --val-fraction 0.01 \
  --aug face --loss cosface --epochs 6 --cos-margin-epochs 3 --batch-size 128 --eval-every 5 --select last \
  --threads "$threads" --resume --out "$work/warm.safetensors"

triplet-train train --data "$work/celeba-64.safetensors,$work/lfw-64.safetensors" --val "$work/lfw-test-64.safetensors" \
  --aug face --init "$work/warm.safetensors" --loss triplet --margin 0.3 --pk 32 4 --size 64 --epochs 1 --lr 0.01 \
  --warmup-epochs 0.1 --select last --storage f16 --threads "$threads" --resume \
  --trained-on "CelebA crops and aligned CelebA (research use), LFW view-1 training people (research use)" \
  --recipe "training/recipes/faces.sh" --out "$out"

triplet-train evaluate --weights "$out" --data "$work/lfw-test-64.safetensors" --calibrate --far 0.001
triplet-train evaluate --weights "$out" --pairs "$data/lfw-protocol/pairsDevTest.txt" --images "$data/lfw" --flip \
  --detector-model "$detector"
