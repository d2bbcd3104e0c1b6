# SPDX-License-Identifier: LGPL-2.1-or-later
"""Photographs of people that lie in Debian packages, for a demo without any other picture: as installed, or out of the
packages, fetched and read here (no root needed), and kept in the user's cache folder."""
import collections
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile

import detector

SKIMAGE = "usr/lib/python3/dist-packages/skimage/data/"
OPENCV = "usr/share/doc/opencv-doc/opencv4/html/"
# `name` to enrol it under, or None for a stranger.
Photograph = collections.namedtuple("Photograph", "package inside name")
PHOTOGRAPHS = [
    Photograph("python3-skimage", SKIMAGE + "astronaut.png", "astronaut"),
    Photograph("opencv-doc", OPENCV + "230501201_1.jpg", "khaki jacket"),
    Photograph("opencv-doc", OPENCV + "227943776_1.jpg", "white shirt"),
    Photograph("opencv-doc", OPENCV + "example.jpg", None),
]


class PhotographError(Exception):
    """Told to the user as it is."""


def cache_folder():
    return os.path.join(detector.Places().cache, "photographs")


def path_of(photograph):
    """Where it is on this machine, or None."""
    for path in ("/" + photograph.inside, os.path.join(cache_folder(), os.path.basename(photograph.inside))):
        if os.path.isfile(path):
            return path
    return None


def find():
    """[(path, name or None)] of those that can be had, fetching what is missing. Raises PhotographError when nobody is
    left to enrol."""
    for package in sorted({photograph.package for photograph in PHOTOGRAPHS}):
        missing = [photo for photo in PHOTOGRAPHS if photo.package == package and not path_of(photo)]
        if missing:
            names = ", ".join(os.path.basename(photo.inside) for photo in missing)
            print(f"fetching the Debian package {package} for {names}", flush=True)
            problem = fetch(package, [photo.inside for photo in missing])
            if problem:
                print(f"  without {names}: {problem}", flush=True)
    found = [(path_of(photo), photo.name) for photo in PHOTOGRAPHS if path_of(photo)]
    if not any(name for _, name in found):
        raise PhotographError("the packaged photographs cannot be had; give a video: ./run demo VIDEO")
    return found


def fetch(package, inside):
    """Puts those files of a package into the cache folder. Returns what went wrong, or None."""
    if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        return "no apt-get and dpkg-deb here"
    folder = cache_folder()
    os.makedirs(folder, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".part-", dir=folder) as scratch:
        os.chmod(scratch, 0o755)
        command = ["apt-get", "-o", "Acquire::Retries=0", "-o", "Acquire::http::Timeout=10"]
        if os.geteuid() == 0:
            command += ["-o", "APT::Sandbox::User=root"]  # apt's own user cannot write into ours
        command += ["download", "-q", package]
        status = subprocess.run(command, cwd=scratch, check=False, stdout=subprocess.DEVNULL).returncode
        archives = [name for name in os.listdir(scratch) if name.endswith(".deb")]
        if status != 0 or not archives:
            return f"apt-get download {package} failed (its message is above)"
        return extract(os.path.join(scratch, archives[0]), inside, folder)


def extract(archive, inside, folder):
    """The files `inside` a package, each written whole into `folder`. Returns what went wrong, or None."""
    wanted = {"./" + path for path in inside}
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", archive], stdout=subprocess.PIPE) as unpacker:
        with tarfile.open(fileobj=unpacker.stdout, mode="r|") as members:
            for member in members:
                if member.name in wanted and member.isfile():
                    content = members.extractfile(member).read()
                    detector.detector_fetch.keep(content, os.path.join(folder, os.path.basename(member.name)))
                    wanted.remove(member.name)
    return f"not in the package: {', '.join(sorted(wanted))}" if wanted else None


def main():
    try:
        for path, _ in find():
            print(path)
    except (PhotographError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
