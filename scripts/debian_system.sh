#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Shared by scripts/in-debian and scripts/try-packages: how a Debian system comes into a folder. Sourced, never run. Needs the
# caller's say and die.

# mirror_of LABEL: where this machine's apt finds the archive with that label (Debian, Debian-Security).
mirror_of() {
  # shellcheck disable=SC2016  # $(…) is apt-get's own.
  apt-get indextargets --format '$(ORIGIN)|$(LABEL)|$(REPO_URI)' 'Created-By: Packages' |
    awk -F'|' -v label="$1" '$1 == "Debian" && $2 == label { print $3; exit }'
}

# need_tools: what makes a system. Installed when missing, as ./run does with the project's packages.
need_tools() {
  command -v debootstrap >/dev/null && return 0
  say "installing: debootstrap"
  apt-get update -q >&2 || say "apt-get update failed; trying with the lists that are there"
  DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends debootstrap >&2 ||
    die "debootstrap could not be installed"
}

# make_system FOLDER CODENAME PACKAGES: a minimal Debian there with those packages, whole or not at all.
make_system() {
  local folder=$1 codename=$2 packages=$3 mirror security part
  mirror=$(mirror_of Debian)
  [ -n "$mirror" ] || die "this machine's apt names no Debian archive (apt-get indextargets); run apt-get update once"
  security=$(mirror_of Debian-Security)
  need_tools
  part="$folder.part"
  rm -rf --one-file-system -- "$part"
  say "making a Debian $codename system in $folder"
  debootstrap --variant=minbase --include="$packages" "$codename" "$part" "$mirror" >&2 || {
    rm -rf --one-file-system -- "$part"
    die "debootstrap could not make $codename from $mirror"
  }
  {
    printf 'deb %s %s main\n' "$mirror" "$codename" "$mirror" "$codename-updates"
    [ -z "$security" ] || printf 'deb %s %s main\n' "$security" "$codename-security"
  } >"$part/etc/apt/sources.list"
  # Packages stay out of the cache folder once they are installed.
  printf 'APT::Keep-Downloaded-Packages "false";\n' >"$part/etc/apt/apt.conf.d/90tripletembed"
  apt-config dump | grep -E '^Acquire::(http|https)::Proxy ' >>"$part/etc/apt/apt.conf.d/90tripletembed" || true
  mv -- "$part" "$folder"
}
