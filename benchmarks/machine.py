# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a benchmark ran on, and how much of it others took meanwhile."""
import json
import os
import platform
import subprocess
import time


def describe():
    """One line: CPU, count, memory, kernel."""
    cpu = platform.processor() or platform.machine()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2 ** 30
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            cpu = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), cpu)
    except OSError:
        pass
    return f"{cpu}, {cpus()} CPUs, {memory:.0f} GiB, {platform.system()} {platform.release()}"


def cpus():
    """CPUs that this process may use."""
    return len(os.sched_getaffinity(0))


def limits(build, threads, seconds, runs):
    """{"threads", "tiles", "fp32", "bf16", "int8", "read"}: see machine_speed.cpp. Each the highest of the runs, for it is a limit."""
    command = [os.path.join(build, "benchmarks", "machine-speed"), str(threads), str(seconds or 0.01)]
    seen = [json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout) for _ in range(runs)]
    return {key: None if seen[0][key] is None else max(one[key] for one in seen) for key in seen[0]}


class Others:
    """The share of all CPUs that other processes took since this was made: a measurement is as good as it is low.

    Counts only children that have been waited for as one's own, so ask when they have ended."""

    def __init__(self):
        self.begin = self.now()

    @staticmethod
    def now():
        with open("/proc/stat", encoding="ascii") as file:
            fields = [int(field) for field in file.readline().split()[1:]]
        # user, nice, system, irq, softirq and what the hypervisor took; guests are in user already.
        busy = sum(fields[i] for i in (0, 1, 2, 5, 6, 7)) / os.sysconf("SC_CLK_TCK")
        own = os.times()
        return time.monotonic(), busy, own.user + own.system + own.children_user + own.children_system

    def share(self):
        wall, busy, own = (after - before for after, before in zip(self.now(), self.begin))
        return max(0.0, busy - own) / (wall * os.cpu_count()) if wall > 0 else 0.0
