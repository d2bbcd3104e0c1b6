#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Your own people: photographs in, a gallery out, and who is who in one more photograph.
#
# usage: ./run exec examples/04-enrol-your-people.sh FOLDER GALLERY PHOTO
#
# FOLDER holds a folder for each person, named as the person, with some photographs in it: FOLDER/Ada/1.jpg, …
# Three to ten photographs in different light and pose are better than one.
set -eu
if [ $# -ne 3 ]; then
  echo "usage: $0 FOLDER GALLERY PHOTO" >&2
  exit 2
fi
: "${TRIPLETEMBED_MODEL:?names the weights file; ./run exec sets it to the default weights}"

# 3: some pictures were refused, each with the reason, and the others are enrolled.
triplet-gallery enroll --weights "$TRIPLETEMBED_MODEL" --gallery "$2" --folder "$1" || [ $? -eq 3 ]
triplet-gallery list "$2"
triplet-gallery identify --weights "$TRIPLETEMBED_MODEL" --gallery "$2" "$3"
