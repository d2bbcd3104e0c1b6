#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# The names in a video, one JSON object a frame, with nothing but gst-launch-1.0.
#
# usage: ./run exec examples/01-names-with-gst-launch.sh VIDEO GALLERY OUT.jsonl
#
# The weights are the default ones (tripletembed's property `model` takes others). The threshold is the gallery's, else
# the one that keeps the property `far` (the property `threshold` sets it).
set -eu
if [ $# -ne 3 ]; then
  echo "usage: $0 VIDEO GALLERY OUT.jsonl" >&2
  exit 2
fi

# videoflip turns what a phone filmed upright, or lying on its other side, as people see it.
exec gst-launch-1.0 -q filesrc location="$1" ! decodebin ! videoconvert ! videoflip video-direction=auto ! videoconvert \
  ! tripletdetect ! tripletembed gallery="$2" ! tripletjson location="$3" mode=truncate ! fakesink sync=false
