#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# The digit recipe: MNIST's files in, weights and their evaluation on the 10,000 test images out.
#
# usage: ./run exec scripts/train_mnist.sh FOLDER OUT.safetensors [FLAG of triplet-train train …]
#
# FOLDER holds the four IDX files, plain or .gz (train-images-idx3-ubyte.gz, …). Nearest neighbours of the test images
# are looked for among the 60,000 training images, as the founding note's method wants.
set -eu
if [ $# -lt 2 ]; then
  echo "usage: $0 FOLDER OUT.safetensors [FLAG …]" >&2
  exit 2
fi
folder=$1 out=$2
shift 2
work="${out%.safetensors}.data"
mkdir -p "$work"

# The images file of a part, whichever of its usual names it has.
images_of() {
  for name in "$1-images-idx3-ubyte.gz" "$1-images-idx3-ubyte" "$1-images.idx3-ubyte"; do
    if [ -f "$folder/$name" ]; then
      echo "$folder/$name"
      return
    fi
  done
  echo "$0: $folder: no $1-images-idx3-ubyte(.gz) in it" >&2
  return 1
}

for part in train t10k; do
  images=$(images_of "$part")
  triplet-train pack --size 28 --channels 1 --out "$work/$part.safetensors" "$images"
done
triplet-train train --data "$work/train.safetensors" --val "$work/t10k.safetensors" --val-images 2000 \
  --epochs 3 --aug digit --select last --trained-on "MNIST, 60,000 training images" \
  --recipe scripts/train_mnist.sh --out "$out" "$@"
triplet-train evaluate --weights "$out" --data "$work/t10k.safetensors" --gallery-data "$work/train.safetensors" --json
