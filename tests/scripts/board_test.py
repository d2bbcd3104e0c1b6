#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""scripts/board-check: what it says of a board, from files made up as boards have them, and the table."""
import contextlib
import io
import os
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

SCRIPTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "scripts")
sys.path.insert(0, SCRIPTS)
import board_machine  # noqa: E402
import board_report  # noqa: E402

# As a Rock 5B's kernel writes it, shortened.
CPUINFO = "".join(f"""processor\t: {i}
BogoMIPS\t: 48.00
Features\t: fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp
CPU implementer\t: 0x41
CPU architecture: 8
CPU variant\t: 0x2
CPU part\t: {'0xd05' if i < 2 else '0xd0b'}
CPU revision\t: 0

""" for i in range(4))


class Board(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.root = scratch.name

    def write(self, path, text):
        path = os.path.join(self.root, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)

    def test_tells_boards_and_cores_apart(self):
        self.write("proc/device-tree/model", "Radxa ROCK 5B\0")
        self.write("proc/cpuinfo", CPUINFO)
        for cpu in range(4):
            self.write(f"sys/devices/system/cpu/cpu{cpu}/cpufreq/cpuinfo_max_freq", "1800000\n" if cpu < 2 else "2400000\n")
            self.write(f"sys/devices/system/cpu/cpu{cpu}/cpufreq/scaling_cur_freq", "408000\n" if cpu < 3 else "2256000\n")
            self.write(f"sys/devices/system/cpu/cpu{cpu}/cpufreq/scaling_governor", "ondemand\n")
        self.write("sys/class/thermal/thermal_zone0/temp", "41500\n")
        self.write("sys/class/thermal/thermal_zone1/temp", "63000\n")
        self.write("proc/meminfo", "MemTotal:        8131072 kB\nMemAvailable:    1024000 kB\n")
        self.write("etc/os-release", 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\n')
        rows = dict(board_machine.rows(self.root))
        self.assertEqual(rows["board"], "Radxa ROCK 5B")
        self.assertEqual(rows["cores"], "2 × Cortex-A55 (1800 MHz), 2 × Cortex-A76 (2400 MHz)")
        self.assertEqual((rows["features"], rows["governor"]), ("asimd asimdhp asimddp", "ondemand"))
        self.assertEqual((rows["memory"], rows["system"]), ("7940 MB", "Debian GNU/Linux 12 (bookworm)"))
        self.assertEqual(board_machine.clocks_now(self.root), [2256, 408])
        self.assertEqual(board_machine.temperature(self.root), 63)
        self.assertEqual((board_machine.kinds_of_cores(self.root), board_machine.memory_mb(self.root, "MemAvailable")), (2, 1000))

    def test_says_unknown_where_a_system_says_nothing(self):
        self.write("proc/cpuinfo", "processor\t: 0\nCPU implementer\t: 0x99\nCPU part\t: 0x123\n")
        rows = dict(board_machine.rows(self.root))
        self.assertEqual((rows["board"], rows["system"], rows["governor"]), ("unknown",) * 3)
        self.assertEqual(rows["cores"], "1 × implementer 0x99 part 0x123 (clock unknown)")
        self.assertEqual((board_machine.clocks_now(self.root), board_machine.temperature(self.root)), ([], None))

    def test_reads_the_firmwares_word_on_throttling(self):
        for said, expected in (("throttled=0x0", "0x0: none"), ("throttled=0x50005", "0x50005: under-voltage now, throttled now, "
                               "under-voltage has occurred, was throttled"), ("no vcgencmd", "no vcgencmd")):
            with mock.patch.object(board_machine, "first_line", return_value=said):
                self.assertEqual(board_machine.throttling(), expected)

    def test_rates_are_of_the_frames_behind_the_first_five(self):
        # A frame each 20 ms that takes 10 ms; the first five and one more take longer.
        frames = [(900_000_000 if i < 5 or i == 44 else 10_000_000, i * 20_000_000) for i in range(45)]
        self.assertEqual(board_report.pipeline_rates(frames), (50, 10, 10))
        self.assertEqual(board_report.percentile([5, 1, 4, 2, 3], 50), 3)
        self.assertEqual(board_report.percentile(list(range(1, 101)), 95), 95)
        with self.assertRaisesRegex(board_report.CannotMeasure, "only 9 frames"):
            board_report.pipeline_rates(frames[:9])

    def test_a_part_that_cannot_be_measured_is_a_row_that_says_why(self):
        rows = list(board_report.embedding_rows(self.root, board_report.default_weights(), quick=True))
        self.assertEqual([why for _, why in rows], ["not measured: embed-speed is not built"] * 4)
        self.assertEqual(board_report.gallery_row(self.root, True)[1], "not measured: gallery-bench is not built")

    def test_without_named_weights_the_default_ones_are_measured(self):
        named = {key: value for key, value in os.environ.items() if key != "TRIPLETEMBED_MODEL"}
        with mock.patch.dict(os.environ, named, clear=True), mock.patch.object(board_report, "pipeline_rows", return_value=[]), \
                mock.patch.object(sys, "argv", ["board_report.py", self.root, "--quick"]), \
                contextlib.redirect_stdout(io.StringIO()) as said, contextlib.redirect_stderr(io.StringIO()):
            board_report.main()
        self.assertIn("| a face, fp32, one thread | not measured: embed-speed is not built |", said.getvalue())

    def test_the_table_is_one_of_markdown(self):
        self.assertEqual(board_report.table([("board", "a | b\nc"), ("memory", 3)]),
                         "| what | on this board |\n|---|---|\n| board | a / b c |\n| memory | 3 |")


class Measures(unittest.TestCase):
    @unittest.skipUnless(len(sys.argv) > 1, "the build folder is not given")
    def test_a_face_and_a_precision_that_the_cpu_has_not(self):
        rows = dict(board_report.embedding_rows(sys.argv[1], board_report.default_weights(), quick=True))
        self.assertRegex(rows["a face, fp32, one thread"], r"^\S+ ms in passes of 1; \S+ ms in passes of 16")
        self.assertRegex(rows["a face, int8, one thread"], r" ms in passes of 1; |^not measured: precision int8 needs a CPU")


class Command(unittest.TestCase):
    def call(self, *words):
        return subprocess.run([os.path.join(SCRIPTS, "board-check"), *words], capture_output=True, text=True, check=False)

    def test_help_is_an_answer_and_other_words_are_an_error(self):
        run = self.call("--help")
        self.assertEqual((run.returncode, run.stderr), (0, ""))
        self.assertIn("usage: scripts/board-check [--quick]", run.stdout)
        for words, why in ((("--fast",), "no such option: --fast"), (("--quick", "x"), "one option at most")):
            run = self.call(*words)
            self.assertEqual((run.returncode, run.stdout), (1, ""))
            self.assertIn(why, run.stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
