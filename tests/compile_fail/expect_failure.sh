#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# expect_failure.sh FILE MESSAGE COMPILER ARGUMENTS…: FILE must compile with -DCOMPILES and must not without, and the
# compiler's words must then hold MESSAGE (an extended regular expression), so that it fails for the reason meant.
file=$1
message=$2
shift 2
if ! "$@" -fsyntax-only -DCOMPILES "$file"; then
  echo "the good half of $file does not compile" >&2
  exit 1
fi
if words=$("$@" -fsyntax-only "$file" 2>&1); then
  echo "the bad half of $file compiles" >&2
  exit 1
fi
if ! printf '%s' "$words" | grep -Eq "$message"; then
  printf '%s\n' "$words" "the bad half of $file fails, but not with: $message" >&2
  exit 1
fi
