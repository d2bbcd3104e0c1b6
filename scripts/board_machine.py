# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a board is: read from the files in which Linux says it. Each function takes the folder that stands for /."""
import collections
import glob
import os
import re
import subprocess

# Arm's numbers of its cores (MIDR_EL1), as /proc/cpuinfo gives them.
ARM_CORES = {
    0xd03: "Cortex-A53", 0xd04: "Cortex-A35", 0xd05: "Cortex-A55", 0xd07: "Cortex-A57", 0xd08: "Cortex-A72", 0xd09: "Cortex-A73",
    0xd0a: "Cortex-A75", 0xd0b: "Cortex-A76", 0xd0c: "Neoverse-N1", 0xd0d: "Cortex-A77", 0xd40: "Neoverse-V1", 0xd41: "Cortex-A78",
    0xd42: "Cortex-A78AE", 0xd44: "Cortex-X1", 0xd46: "Cortex-A510", 0xd47: "Cortex-A710", 0xd49: "Neoverse-N2",
    0xd4b: "Cortex-A78C", 0xd4f: "Neoverse-V2", 0xd80: "Cortex-A520", 0xd81: "Cortex-A720"}
# What decides which kernels run.
FEATURES = {"asimd", "asimdhp", "asimddp", "bf16", "i8mm", "sve", "avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_int8",
            "amx_bf16"}


def text_of(*path):
    """A file's text, or nothing where it cannot be read."""
    try:
        with open(os.path.join(*path), encoding="utf-8", errors="replace") as file:
            return file.read().strip("\0\n ")
    except OSError:
        return ""


def board(root):
    return text_of(root, "proc/device-tree/model") or text_of(root, "sys/class/dmi/id/product_name") or "unknown"


def cpu_blocks(root):
    """One dictionary a CPU, out of /proc/cpuinfo."""
    for block in text_of(root, "proc/cpuinfo").split("\n\n"):
        fields = dict(line.split(":", 1) for line in block.splitlines() if ":" in line)
        fields = {key.strip(): value.strip() for key, value in fields.items()}
        if "processor" in fields:
            yield fields


def core_name(fields):
    if "CPU part" not in fields:
        return fields.get("model name", "unknown core")
    implementer, part = fields.get("CPU implementer", "?"), fields["CPU part"]
    known = ARM_CORES.get(int(part, 16)) if implementer == "0x41" else None
    return known or f"implementer {implementer} part {part}"


def megahertz(root, processor, file):
    kilohertz = text_of(root, f"sys/devices/system/cpu/cpu{processor}/cpufreq", file)
    return int(kilohertz) // 1000 if kilohertz.isdigit() else None


def cores(root):
    """For example: 4 × Cortex-A76 (2400 MHz), 4 × Cortex-A55 (1800 MHz)."""
    kinds = collections.Counter()
    for fields in cpu_blocks(root):
        clock = megahertz(root, fields["processor"], "cpuinfo_max_freq")
        kinds[f"{core_name(fields)} ({f'{clock} MHz' if clock else 'clock unknown'})"] += 1
    return ", ".join(f"{count} × {kind}" for kind, count in kinds.items()) or "unknown"


def kinds_of_cores(root):
    return len({core_name(fields) for fields in cpu_blocks(root)})


def features(root):
    for fields in cpu_blocks(root):
        words = (fields.get("Features") or fields.get("flags", "")).split()
        return " ".join(word for word in words if word in FEATURES) or "none of those that the library has code for"
    return "unknown"


def clocks_now(root):
    """The clocks in MHz that the CPUs have at this moment, each once; empty where the system does not say."""
    paths = glob.glob(os.path.join(root, "sys/devices/system/cpu/cpu[0-9]*/cpufreq/scaling_cur_freq"))
    now = {int(text) // 1000 for text in map(text_of, paths) if text.isdigit()}
    return sorted(now, reverse=True)


def governor(root):
    paths = glob.glob(os.path.join(root, "sys/devices/system/cpu/cpu[0-9]*/cpufreq/scaling_governor"))
    return ", ".join(sorted(set(map(text_of, paths)))) or "unknown"


def temperature(root):
    """Of the warmest zone in °C, or None."""
    zones = [text_of(path) for path in glob.glob(os.path.join(root, "sys/class/thermal/thermal_zone*/temp"))]
    degrees = [int(zone) / 1000 for zone in zones if re.fullmatch(r"-?\d+", zone)]
    return max(degrees, default=None)


def memory_mb(root, field):
    found = re.search(rf"^{field}: +(\d+) kB", text_of(root, "proc/meminfo"), re.M)
    return int(found[1]) / 1024 if found else 0


def system(root):
    found = re.search(r'^PRETTY_NAME="?([^"\n]*)', text_of(root, "etc/os-release"), re.M)
    return found[1] if found else "unknown"


def first_line(command):
    """Of what a program says, or why there is nothing."""
    try:
        run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return f"no {command[0]}"
    lines = (run.stdout or run.stderr).strip().splitlines()
    return lines[0] if lines else f"{command[0]} ended with {run.returncode}"


def throttling():
    """What a Raspberry Pi's firmware says: bits of its documentation of get_throttled, all that happened since it was started."""
    said = first_line(["vcgencmd", "get_throttled"])
    found = re.fullmatch(r"throttled=(0x[0-9a-f]+)", said, re.I)
    if not found:
        return said
    bits = {0: "under-voltage now", 1: "clock capped now", 2: "throttled now", 3: "soft temperature limit now",
            16: "under-voltage has occurred", 17: "clock was capped", 18: "was throttled", 19: "soft temperature limit has occurred"}
    seen = [name for bit, name in bits.items() if int(found[1], 16) >> bit & 1]
    return f"{found[1]}: {', '.join(seen) or 'none'}"


def rows(root="/"):
    """[(what, value)]"""
    kernel = os.uname()
    git = ["git", "-C", os.path.dirname(os.path.abspath(__file__)), "describe", "--always", "--dirty"]
    return [("board", board(root)), ("cores", cores(root)), ("features", features(root)), ("governor", governor(root)),
            ("kernel", f"{kernel.release}, {kernel.machine}, pages of {os.sysconf('SC_PAGE_SIZE') // 1024} KiB"),
            ("memory", f"{memory_mb(root, 'MemTotal'):.0f} MB"), ("system", system(root)),
            ("compiler", first_line(["c++", "--version"])), ("GStreamer", first_line(["gst-launch-1.0", "--version"])),
            ("source", first_line(git))]
