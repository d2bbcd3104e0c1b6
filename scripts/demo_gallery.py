# SPDX-License-Identifier: LGPL-2.1-or-later
"""Galleries for the demo: enrolled with triplet-train, kept by content, so that a second run has nothing to do."""
import hashlib
import os
import shutil
import subprocess
import tempfile

SKIMAGE = "usr/lib/python3/dist-packages/skimage/data/"
OPENCV = "usr/share/doc/opencv-doc/opencv4/html/"
# (Debian package, file in it, name to enrol it under or None for a stranger)
PHOTOGRAPHS = [
    ("python3-skimage", SKIMAGE + "astronaut.png", "astronaut"),
    ("opencv-doc", OPENCV + "230501201_1.jpg", "photo-230501201"),
    ("opencv-doc", OPENCV + "227943776_1.jpg", "photo-227943776"),
    ("opencv-doc", OPENCV + "example.jpg", None),
]


class GalleryError(Exception):
    """Told to the user as it is."""


def digest_of_files(paths, names):
    """SHA-256 over names and contents, so that an edited or renamed picture makes another gallery."""
    total = hashlib.sha256()
    for name, path in zip(names, paths):
        with open(path, "rb") as file:
            content = hashlib.sha256(file.read()).hexdigest()
        total.update(f"{name}\0{content}\n".encode())
    return total.hexdigest()


class Store:
    """Everything the demo keeps, under BUILD/demo."""

    def __init__(self, build):
        self.folder = os.path.join(build, "demo")
        self.build = build
        self.weights = os.environ.get("TRIPLETEMBED_MODEL", "")
        os.makedirs(self.folder, exist_ok=True)

    def from_folder(self, folder):
        paths = sorted(os.path.join(where, name) for where, _, names in os.walk(folder) for name in names)
        if not paths:
            raise GalleryError(f"{folder}: no picture in it (it takes NAME/*.jpg)")
        names = [os.path.relpath(path, folder) for path in paths]
        return self._kept(paths, names, [["--folder", folder]], f"the people of {folder}")

    def from_videos(self, videos):
        """`videos`: {name: clip}."""
        for clip in videos.values():
            if not os.path.exists(clip):
                raise GalleryError(f"{clip}: no such file")
        calls = [["--video", clip, "--name", name] for name, clip in videos.items()]
        return self._kept(list(videos.values()), list(videos), calls, ", ".join(videos))

    def packaged_photographs(self):
        """(clip, gallery) made from the photographs of Debian packages. Raises GalleryError when none can be had."""
        found = [(path, name) for path, name in ((self._photograph(package, inside), name)
                                                 for package, inside, name in PHOTOGRAPHS) if path]
        if not any(name for _, name in found):
            raise GalleryError("the packaged photographs cannot be had; give a video: ./run demo VIDEO")
        clip = os.path.join(self.folder, "photographs.avi")
        if not os.path.exists(clip):
            part = os.path.join(self.folder, "photographs.part.avi")
            self._call([os.path.join(self.build, "examples", "photo-clip"), part] + [path for path, _ in found])
            os.replace(part, clip)
        people = os.path.join(self.folder, "people")
        for path, name in found:
            if name:
                os.makedirs(os.path.join(people, name), exist_ok=True)
                shutil.copy(path, os.path.join(people, name))
        return clip, self.from_folder(people)

    def _kept(self, paths, names, calls, what):
        key = digest_of_files(paths + [self.weights], names + ["weights"])[:16]
        kept = os.path.join(self.folder, f"gallery-{key}.safetensors")
        if os.path.exists(kept):
            print(f"gallery of {what}: {kept} (enrolled before)")
            return kept
        print(f"enrolling {what}", flush=True)
        with tempfile.TemporaryDirectory(dir=self.folder) as scratch:
            gallery = os.path.join(scratch, "gallery.safetensors")
            for call in calls:
                self._call(["triplet-train", "enroll", "--weights", self.weights, "--gallery", gallery] + call)
            os.replace(gallery, kept)
        return kept

    def _call(self, command):
        # The tools tell the reason on stderr; it is the user's as it is.
        status = subprocess.run(command, stdout=subprocess.DEVNULL, check=False).returncode
        if status != 0:
            raise GalleryError(f"{os.path.basename(command[0])} failed with status {status} (its message is above)")

    def _photograph(self, package, inside):
        """The file as installed, or out of the package, fetched and unpacked here (no root needed), or None."""
        installed = "/" + inside
        unpacked = os.path.join(self.folder, package, inside)
        for path in (installed, unpacked):
            if os.path.exists(path):
                return path
        if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
            return None
        print(f"fetching the Debian package {package} for {os.path.basename(inside)}", flush=True)
        with tempfile.TemporaryDirectory(dir=self.folder) as scratch:
            os.chmod(scratch, 0o755)
            fetched = subprocess.run(["apt-get", "download", "-q", package], cwd=scratch, check=False,
                                     stdout=subprocess.DEVNULL).returncode
            archives = [name for name in os.listdir(scratch) if name.endswith(".deb")]
            if fetched != 0 or not archives:
                return None
            # Unpacked aside and renamed, so that an interrupted run leaves no half folder behind.
            aside = os.path.join(scratch, "files")
            subprocess.run(["dpkg-deb", "-x", os.path.join(scratch, archives[0]), aside], check=True)
            shutil.rmtree(os.path.join(self.folder, package), ignore_errors=True)
            os.replace(aside, os.path.join(self.folder, package))
        return unpacked if os.path.exists(unpacked) else None
