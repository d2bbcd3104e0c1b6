#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The unit of a camera runs under a real systemd, with all of its sandbox: systemd is started in namespaces of its own, on an
overlay of this machine's files, with a camera on its own loopback. Skips (77) without root, systemd, weights, real faces or an
RTSP server.

usage: service_run_test.py UNIT SYSUSERS BUILD RTSP_SERVER"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

UNIT, SYSUSERS, BUILD, CAMERA = (os.path.abspath(path) for path in sys.argv[1:5])
WEIGHTS, DETECTOR = (os.environ.get("TRIPLETEMBED_" + name, "") for name in ("MODEL", "DETECTOR"))
CLIP = os.path.join(os.environ.get("TRIPLETEMBED_DATA", ""), "video", "bird.mkv")
SYSTEMD = "/lib/systemd/systemd"
PATIENCE = 120

# In new namespaces: a root file system whose changes are in memory, and systemd as its first process. What the host has devices for
# is not there, so that nothing of it can be changed.
BOOT = r"""
set -e
mount --make-rprivate /
mount -t tmpfs tmpfs "$SCRATCH/boot"
cd "$SCRATCH/boot"
mkdir upper work root
mount -t overlay overlay -olowerdir=/,upperdir=upper,workdir=work root
cd root
mount -t proc proc proc
mount -t sysfs sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs tmpfs run
mount -t tmpfs tmpfs dev
for device in null:3 zero:5 full:7 random:8 urandom:9; do mknod -m 666 "dev/${device%:*}" c 1 "${device#*:}"; done
mkdir dev/shm trial
ln -s /proc/self/fd dev/fd
mount --bind "$SCRATCH/trial" trial
cp -r trial/root/. .
cp trial/sysusers usr/lib/sysusers.d/tripletembed.conf
rm -rf var/lib/tripletembed var/cache/tripletembed
ip link set lo up
mkdir old
pivot_root . old
cd /
umount -l /old
exec env -i container=other PATH=/usr/sbin:/usr/bin "$SYSTEMD" --system --unit=trial.target --log-target=null --show-status=0
"""

# What is done inside.
TRIAL = """
exec >/trial/said 2>&1
set -x
systemd-sysusers
install -d -o tripletembed -g tripletembed -m 700 /var/lib/tripletembed
install -o tripletembed -g tripletembed -m 600 /trial/people.safetensors /var/lib/tripletembed/
systemctl start tripletembed@door
for i in $(seq 40); do grep -q named /var/lib/tripletembed/door.events.jsonl && break; sleep 1; done
pid=$(systemctl show -P MainPID tripletembed@door)
cp /proc/$pid/status /trial/status
systemctl status --no-pager tripletembed@door
systemctl stop tripletembed@door
systemctl show -P Result -P NRestarts tripletembed@door >/trial/result
ls -l -d /var/lib/tripletembed /var/lib/tripletembed/* /var/cache/tripletembed
cp /var/lib/tripletembed/door.events.jsonl /trial/events
touch /trial/done
systemctl exit
"""

UNITS = {
    "trial.target": "[Unit]\nWants=camera.service trial.service\n",
    "camera.service": ("[Unit]\nDefaultDependencies=no\n"
                       "[Service]\nExecStart=/usr/bin/python3 /trial/rtsp_server.py 8554 /trial/clip.mkv\n"),
    "trial.service": ("[Unit]\nDefaultDependencies=no\nAfter=camera.service\n"
                      "[Service]\nType=oneshot\nExecStart=/bin/sh /trial/trial.sh\n"),
}
# The camera is a file, and the libraries and models are those of this build, which ProtectHome may hide.
CONFIGURATION = """SOURCE=rtspsrc location=rtsp://127.0.0.1:8554/stream latency=200 ! application/x-rtp,media=video ! decodebin
LD_LIBRARY_PATH=/trial/lib
GST_PLUGIN_PATH=/trial/lib
TRIPLETEMBED_MODEL=/trial/weights.safetensors
TRIPLETEMBED_DETECTOR=/trial/detector.onnx
"""
MASKED = ["systemd-udevd.service", "systemd-udevd-kernel.socket", "systemd-udevd-control.socket", "systemd-udev-trigger.service",
          "systemd-networkd.service", "systemd-networkd.socket", "systemd-timesyncd.service", "systemd-resolved.service",
          "systemd-logind.service", "dbus.service", "dbus.socket", "systemd-journald.service", "systemd-journald.socket",
          "systemd-journald-dev-log.socket"]


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


class Run(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.scratch = scratch.name
        os.chmod(self.scratch, 0o755)
        os.mkdir(self.path("boot"))
        units = self.path("trial", "root", "etc", "systemd", "system")
        for name, text in UNITS.items():
            write(os.path.join(units, name), text)
        for name in MASKED:
            os.symlink("/dev/null", os.path.join(units, name))
        shutil.copy(UNIT, os.path.join(units, "tripletembed@.service"))
        with open(UNIT, encoding="utf-8") as file:
            configuration = re.search(r"^EnvironmentFile=/(.*)%i\.conf$", file.read(), re.MULTILINE).group(1) + "door.conf"
        write(self.path("trial", "root", configuration), CONFIGURATION)
        write(self.path("trial", "trial.sh"), TRIAL)
        for source, name in ((SYSUSERS, "sysusers"), (CAMERA, "rtsp_server.py"), (CLIP, "clip.mkv"),
                             (WEIGHTS, "weights.safetensors"), (DETECTOR, "detector.onnx")):
            shutil.copy(source, self.path("trial", name))
        os.mkdir(self.path("trial", "lib"))
        for folder in ("gst-plugin", "libembed", os.path.join("libembed", "faces")):
            for name in os.listdir(os.path.join(BUILD, folder)):
                if ".so" in name and os.path.isfile(os.path.join(BUILD, folder, name)):
                    shutil.copy(os.path.join(BUILD, folder, name), self.path("trial", "lib"))
        subprocess.run(["triplet-gallery", "enroll", self.path("trial", "people.safetensors"), "--weights", WEIGHTS,
                        "--video", CLIP, "--name", "A"], check=True, stdout=subprocess.DEVNULL, timeout=PATIENCE)

    def path(self, *parts):
        return os.path.join(self.scratch, *parts)

    def read(self, name):
        with open(self.path("trial", name), encoding="utf-8") as file:
            return file.read()

    def test_names_in_the_sandbox(self):
        new = ["--mount", "--pid", "--fork", "--kill-child", "--cgroup", "--ipc", "--uts", "--net"]
        done = subprocess.run(["unshare", *new, "sh", "-c", BOOT], capture_output=True, text=True, timeout=PATIENCE, check=False,
                              env={**os.environ, "SCRATCH": self.scratch, "SYSTEMD": SYSTEMD})
        if not os.path.exists(self.path("trial", "said")):
            self.skipTest("no systemd can be started here: " + done.stderr[-500:])
        said = self.read("said")
        self.assertTrue(os.path.exists(self.path("trial", "done")), said)
        self.assertTrue(os.path.exists(self.path("trial", "events")), said)
        events = [json.loads(line) for line in self.read("events").splitlines()]
        # SIGINT ends the stream, which tells who was there.
        self.assertEqual([event["event"] for event in events], ["appeared", "named", "lost"], said)
        self.assertEqual({event["camera"] for event in events}, {"door"})
        self.assertEqual(events[-1]["label"], "A")
        self.assertEqual(self.read("result").split(), ["success", "0"], said)
        status = dict(line.split(":", 1) for line in self.read("status").splitlines())
        self.assertNotIn("0", status["Uid"].split())
        self.assertEqual((status["NoNewPrivs"].strip(), status["Seccomp"].strip(), int(status["CapBnd"], 16)), ("1", "2", 0))


if __name__ == "__main__":
    needed = {"root": os.geteuid() == 0, "systemd": os.path.exists(SYSTEMD), "weights": os.path.isfile(WEIGHTS),
              "a detector": os.path.isfile(DETECTOR), "real data": os.path.isfile(CLIP), "ip": shutil.which("ip")}
    missing = [what for what, there in needed.items() if not there]
    if missing:
        print("skipped: no", ", no ".join(missing))
        sys.exit(77)
    try:
        import gi
        gi.require_version("GstRtspServer", "1.0")
    except (ImportError, ValueError) as error:
        print(f"skipped: no RTSP server (gir1.2-gst-rtsp-server-1.0): {error}")
        sys.exit(77)
    unittest.main(argv=sys.argv[:1])
