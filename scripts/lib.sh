#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Shared by ./run and .ci/run: packages, build, environment. Sourced, never run. Needs $root and $build.
# Everything that is said goes to stderr: stdout belongs to the command that is run.

: "${root:?set by the caller}" "${build:?set by the caller}"

say() { printf '%s\n' "== $*" >&2; }
die() {
  printf '%s\n' "run: $*" >&2
  exit 1
}

# packages_of GROUP: the names, one a line.
packages_of() { awk -v group="$1" '$1 == group { print $2 }' "$root/scripts/debian-packages.txt"; }

# missing_packages NAME…: those that dpkg does not have installed.
missing_packages() {
  local installed
  # A virtual or foreign name makes dpkg-query fail for that name alone; the rest is still printed.
  # shellcheck disable=SC2016  # ${…} is dpkg-query's own.
  installed=$(dpkg-query -W -f='${db:Status-Status} ${Package}\n' "$@" 2>/dev/null | awk '$1 == "installed" { print $2 }') || true
  comm -23 <(printf '%s\n' "$@" | sort -u) <(printf '%s\n' "$installed" | sort -u)
}

# as_root COMMAND…: with sudo when needed, saying so.
as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    say "not root: sudo $*"
    sudo "$@"
  else
    die "this needs root and there is no sudo; run as root: $*"
  fi
}

# need_packages GROUP…: installs what is missing; touches the network only then.
need_packages() {
  local group names
  mapfile -t names < <(for group in "$@"; do packages_of "$group"; done)
  need_named_packages "${names[@]}"
}

# need_named_packages NAME…: likewise.
need_named_packages() {
  local missing
  if ! command -v dpkg-query >/dev/null; then
    say "not a Debian system; these Debian packages (or their like) must be there: $*"
    return 0
  fi
  missing=$(missing_packages "$@")
  [ -n "$missing" ] || return 0
  say "installing: $(tr '\n' ' ' <<<"$missing")"
  command -v apt-get >/dev/null || die "no apt-get here; install: $(tr '\n' ' ' <<<"$missing")"
  # apt's own words go to stderr like ours.
  as_root apt-get update -q >&2 || say "apt-get update failed; trying with the lists that are there"
  # shellcheck disable=SC2086
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $missing >&2 ||
    die "apt-get could not install: $(tr '\n' ' ' <<<"$missing")"
}

# What ccache, where it is installed, must overlook to keep what was compiled with a precompiled header.
export CCACHE_SLOPPINESS=${CCACHE_SLOPPINESS:-pch_defines,time_macros,include_file_mtime,include_file_ctime}

# How many compilers at once: as many as there are CPUs, but LibTorch's headers take about 2 GB each.
build_jobs() {
  local cpus memory
  cpus=$(nproc 2>/dev/null || echo 1)
  memory=$(awk '/^MemAvailable:/ { print int($2 / 2097152) }' /proc/meminfo 2>/dev/null || echo 1)
  [ -n "$memory" ] && [ "$memory" -ge 1 ] || memory=1
  echo $((cpus < memory ? cpus : memory))
}

# run_quietly LOG COMMAND…: shows the output only when the command fails.
run_quietly() {
  local log=$1
  shift
  if ! "$@" >"$log" 2>&1; then
    cat "$log" >&2
    die "failed: $* (the output is also in $log)"
  fi
}

# configure OPTION…: sets build/ up, or changes the options (name=value) that differ.
configure() {
  local option changed=() cross=()
  # Of a system for another architecture (scripts/arm64-system).
  [ -z "${MESON_CROSS_FILE:-}" ] || cross=(--cross-file "$MESON_CROSS_FILE")
  if [ ! -f "$build/build.ninja" ]; then
    say "meson setup $build"
    mkdir -p "$build"
    run_quietly "$build/setup.log" meson setup "$build" "$root" "${cross[@]}" "${@/#/-D}"
    return
  fi
  for option in "$@"; do
    grep -qx "${option%%=*} = ${option#*=}" "$build/meson-private/cmd_line.txt" || changed+=("-D$option")
  done
  if [ "${#changed[@]}" -gt 0 ]; then
    say "meson configure ${changed[*]}"
    run_quietly "$build/setup.log" meson configure "$build" "${changed[@]}"
  fi
}

# compile TARGET: brings that of build/ up to date; silent when it is. Progress is shown on a terminal.
compile() {
  local target=$1 plan
  plan=$(ninja -C "$build" -n "$target" 2>&1) || true
  case $plan in *"no work to do"*) return 0 ;; esac
  say "building in $build (the first time takes some minutes)"
  if [ -t 2 ]; then
    ninja -C "$build" -j "$(build_jobs)" "$target" >&2 || die "the build failed"
  else
    run_quietly "$build/ninja.log" ninja -C "$build" -j "$(build_jobs)" "$target"
  fi
}

# use_tree: the environment in which commands see the built tree, and no installed one.
use_tree() {
  export PATH="$build/training/cli:$build/tools/program:$PATH"
  export LD_LIBRARY_PATH="$build/libembed:$build/libembed/faces${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
  export GST_PLUGIN_PATH="$build/gst-plugin${GST_PLUGIN_PATH:+:$GST_PLUGIN_PATH}"
  # A registry of its own: the plugins of this tree must not end up in the user's.
  export GST_REGISTRY="$build/gst-registry.bin"
  if [ -z "${TRIPLETEMBED_MODEL:-}" ] && [ -f "$root/models/faces-r18.safetensors" ]; then
    export TRIPLETEMBED_MODEL="$root/models/faces-r18.safetensors"
  fi
  use_detector "${detector_network:-never}"
}

# use_detector always|daily|never: how often the network may be asked for a model where none is here
# (scripts/detector.py). A command that needs a detector says itself when there is none.
use_detector() {
  local model
  model=$(python3 "$root/scripts/detector.py" --network "$1") || {
    [ $? -ne 130 ] || exit 130 # Ctrl-C
    return 0
  }
  [ -z "$model" ] || export TRIPLETEMBED_DETECTOR="$model"
}

# run_meson_tests BUILD ARGUMENT…: the tests of a build folder; the last line on stdout is the counts.
run_meson_tests() {
  local folder=$1 status=0
  shift
  # What an earlier run left must not be counted for this one.
  local times="$folder/meson-logs/cpu-times.jsonl"
  rm -f "$folder"/meson-logs/testlog* "$folder"/*.xml "$times"
  meson test -C "$folder" --no-rebuild --print-errorlogs --wrapper "python3 '$root/scripts/test_times.py' run '$times'" \
    "$@" || status=$?
  python3 "$root/scripts/test_summary.py" "$folder/meson-logs" "$status"
}
