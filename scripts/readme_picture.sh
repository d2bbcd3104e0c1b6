#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Makes docs/images/demo.jpg: a frame of the demo's overlay on a photograph that may be shown.
#
# usage: ./run exec scripts/readme_picture.sh BUILD [PHOTO]
#
# PHOTO: NASA's picture of astronaut Eileen Collins (public domain), by default where Debian's python3-skimage has it.
set -eu
build=${1:?the build folder}
photo=${2:-/usr/lib/python3/dist-packages/skimage/data/astronaut.png}
root=$(dirname "$(dirname "$(readlink -f "$0")")")
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

mkdir -p "$scratch/people/astronaut"
cp "$photo" "$scratch/people/astronaut/"
triplet-gallery enroll --weights "$TRIPLETEMBED_MODEL" --gallery "$scratch/people.safetensors" --folder "$scratch/people"
"$build/examples/photo-clip" "$scratch/clip.avi" "$photo"
gst-launch-1.0 -q filesrc location="$scratch/clip.avi" ! decodebin ! videoconvert ! tripletdetect \
  ! tripletembed gallery="$scratch/people.safetensors" ! videoconvert ! tripletoverlay ! videoconvert \
  ! videocrop left=80 right=80 ! jpegenc quality=88 ! multifilesink location="$scratch/frame-%03d.jpg"
cp "$scratch/frame-060.jpg" "$root/docs/images/demo.jpg"
echo "$root/docs/images/demo.jpg"
