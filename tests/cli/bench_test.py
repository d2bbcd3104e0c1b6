# SPDX-License-Identifier: LGPL-2.1-or-later
"""benchmarks/*.py: ratios, bars, roofline and charts from made-up measurements; then the real thing at tiny settings."""
import array
import contextlib
import io
import json
import os
import random
import stat
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree as ElementTree
from unittest import mock

from bench_support import BUILD, run_bench
from support import CliTest

import accuracy
import bench
import compare
import contest
import faces
import machine
import names
import peer_env
import pipeline
import report
import roofline
import sections
import svg
import tables


class Accuracy(unittest.TestCase):
    def test_pairs_of_strangers_within_each_group(self):
        one, other = [1.0, 0.0], [0.0, 1.0]
        groups = {f"18/{i}.webp": "a" if i < 60 else "b" for i in range(120)}
        groups.update({f"18/{i}.webp": "few" for i in range(120, 125)})
        sources = [f"held-out/18/{i}.webp" for i in range(126)]  # The last has no group.
        rows = [one if i % 3 == 0 or i >= 60 else other for i in range(126)]
        rates = accuracy.group_rates(rows, sources, groups, 0.5)
        self.assertEqual(set(rates), {"a", "b"})
        alike = (20 * 19 + 40 * 39) // 2
        self.assertEqual(rates["a"], (alike / 1770, 1770))
        self.assertEqual(rates["b"], (1.0, 1770))

    def test_the_threshold_of_a_crowd_is_that_of_the_library(self):
        table = [[0.1, 0.5], [0.01, 0.3], [0.001, 0.2]]
        for far, vectors, expected in ((0.1, 1, 0.5), (0.01, 1, 0.3), (1 - 0.99**10, 10, 0.3), (10**-1.5, 1, 0.4), (1e-4, 1, 0.1),
                                       (1e-7, 1, 0.0)):
            self.assertAlmostEqual(accuracy.threshold_at(table, far, vectors), expected, places=6)

    def test_who_is_named_in_a_crowd(self):
        # Every stranger is far from everybody; the two with three photographs have one of them to be named, and a mean.
        axes = [[float(i == axis) for i in range(8)] for axis in range(8)]
        people = {"a": [axes[0]] * 3, "b": [axes[1]] * 3, "c": [axes[2]]}
        table = [[0.1, 0.5], [0.01, 0.3]]
        people.update({f"stranger {i}": [axes[3 + i]] for i in range(5)})
        draws = [accuracy.crowd(people, 7, table, random.Random(seed)) for seed in range(8)]
        full = [one for one in draws if one["others"] == 2]
        self.assertTrue(full)
        for one in full:
            self.assertEqual(one["vectors"], 2 * 3 + 5)
            for far in accuracy.FARS:
                self.assertEqual(one[far], (0, 2, 0))
        # A stranger who looks like one of them has the name.
        people = {"a": [axes[0]] * 2, "b": [axes[0]] * 2}
        self.assertEqual(accuracy.crowd(people, 1, table, random.Random(1))[0.01], (1, 1, 0))

    def test_a_snapshot_is_a_part_of_a_clip(self):
        done = subprocess.run([sys.executable, names.__file__, "--snapshot", "2"], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn("--snapshot: 2.0 is no part of a clip; 0 to 1 expected", done.stderr)

    def test_what_it_is_told(self):
        script = os.path.join(os.path.dirname(accuracy.__file__), "accuracy.py")
        for args, code, says in ((["--weights", "w", "--parts", "pairs,all"], 1, "'all' is unknown"), ([], 1, "--weights"),
                                 (["--weights", "w"], 77, "no data")):
            done = subprocess.run([sys.executable, script, *args], capture_output=True, text=True, check=False,
                                  env={**os.environ, "TRIPLETEMBED_DATA": "/none", "TRIPLETEMBED_MODEL": ""})
            self.assertEqual(done.returncode, code)
            self.assertIn(says, done.stderr)


def result(precision, at_1, at_32, **more):
    """A contender's result; at_1 and at_32: seconds a face, turn by turn."""
    batches = {1: {"times": at_1, "setting": ""}, 32: {"times": at_32, "setting": ""}}
    return {"version": "v", "precision": precision, "batches": batches, "cosine": (1.0, 0.9995), "load": 0.5, "start": 0.6,
            "peak_mb": 100.0, **more}


RESULTS = {
    "libembed fp32": result("fp32", [3.0, 4.0, 3.0], [2.0, 8.0, 2.0]),
    "libembed bf16": result("bf16", [2.5, 2.5, 2.5], [1.0, 1.0, 1.0], load=0.7),
    "A fp32": result("fp32", [6.0, 6.0, 6.0], [3.0, 12.0, 2.9]),
    "B fp32": result("fp32", [1.5, 2.0, 1.5], [4.0, 4.0, 4.0]),
    "A bf16": result("bf16", [5.0, 5.0, 5.0], [1.25, 1.25, 1.25]),
}


STREAMS = {"streams": [{"streams": n, "faces_per_second": 100.0 * n, "library_faces_per_second": 200.0, "share": share,
                        "mean_batch": 7.5} for n, share in ((1, 0.5), (4, 0.96), (16, 0.94))],
           "added_latency_ms": 0.2, "second_element_mb": 9.0}


class Compare(unittest.TestCase):
    def bars(self, results):
        return {one["text"]: one for one in compare.contest_bars(results)}

    def test_a_slow_turn_does_not_move_a_ratio(self):
        ours, theirs = RESULTS["libembed fp32"]["batches"][32], RESULTS["A fp32"]["batches"][32]
        self.assertEqual(compare.ratio(theirs, ours), 1.5)
        self.assertEqual(compare.middle(theirs), 3.0)
        self.assertEqual(compare.spread(ours), 1.5)

    def test_bars_compare_with_the_best_peer_of_the_kind(self):
        bars = self.bars(RESULTS)
        self.assertEqual(bars["batch 32, fp32, beside the best fp32 (A fp32)"]["measured"], 1.5)
        self.assertEqual(bars["batch 32, best precision, beside the best fp32 (A fp32)"]["measured"], 3.0)
        self.assertEqual(bars["batch 32, best precision, beside the best bf16 (A bf16)"]["measured"], 1.25)
        self.assertEqual(bars["batch 1, fp32, beside the best fp32 (B fp32)"]["measured"], 0.5)
        self.assertEqual(bars["batch 1, best precision, beside the best of all (B fp32)"]["measured"], 0.6)
        self.assertEqual(bars["batch 1 over batch 32 a face, fp32"]["measured"], 1.5)
        self.assertEqual(bars["batch 1 over batch 32 a face, bf16"]["measured"], 2.5)
        self.assertEqual(bars["weights file to first embedding, the slowest precision"]["measured"], 0.7)
        self.assertEqual(bars["bf16, least cosine to the reference"]["measured"], 0.9995)

    def test_verdicts(self):
        bars = self.bars(RESULTS)
        self.assertEqual(compare.verdict(bars["batch 32, fp32, beside the best fp32 (A fp32)"]), "PASS")
        self.assertEqual(compare.verdict(bars["batch 1, fp32, beside the best fp32 (B fp32)"]), "short of it by 50%")
        self.assertEqual(compare.verdict(bars["batch 1 over batch 32 a face, bf16"]), "short of it by 25%")
        self.assertEqual(compare.verdict(compare.bar("x", 0.999, 1.0)), "just short of it")
        self.assertEqual(compare.verdict(compare.bar("x", 1.0, 1.0)), "PASS")
        self.assertEqual(compare.verdict(compare.bar("x", 1.0, 1.0, at_most=True)), "PASS")

    def test_without_peers_or_a_precision_nothing_is_claimed(self):
        alone = {"libembed fp32": RESULTS["libembed fp32"]}
        bars = self.bars(alone)
        self.assertEqual(compare.verdict(bars["batch 32, fp32, beside the best fp32 (no peer)"]), "not measured")
        self.assertEqual(compare.verdict(bars["batch 1 over batch 32 a face, bf16"]), "not measured")
        self.assertEqual(compare.verdict(bars["bf16, least cosine to the reference"]), "not measured")
        self.assertEqual(compare.verdict(bars["batch 1 over batch 32 a face, fp32"]), "PASS")

    def test_cutting_a_face_is_measured_against_embedding_it(self):
        crops = {"crop1080/nv12/aligned/60": (0.05, 20), "crop1080/nv12/box/500": (0.1, 10), "crop1080/rgb/box/60": (9.0, 1)}
        bars = compare.preprocess_bars(RESULTS, 112, crops)
        seconds = [compare.middle(RESULTS["libembed bf16"]["batches"][batch]) for batch in (1, 32)]
        self.assertEqual([bar["measured"] for bar in bars], [0.1 / one for one in seconds])
        self.assertTrue(all("nv12/box/500" in bar["text"] and "bf16" in bar["text"] for bar in bars))
        self.assertEqual([bar["met"] for bar in bars], [0.1 / one <= 0.05 for one in seconds])
        self.assertEqual(compare.preprocess_bars(RESULTS, 80, crops), [])
        self.assertEqual(compare.preprocess_bars(RESULTS, 112, {}), [])

    def test_memory_is_measured_against_libtorch_and_the_weights(self):
        bar = compare.memory_bar({"pipeline": 300.0, "peak": 310.0, "torch": 150.0, "weights": 50.0})
        self.assertEqual((bar["measured"], compare.verdict(bar)), (1.5, "PASS"))
        bar = compare.memory_bar({"pipeline": 330.0, "peak": 340.0, "torch": 150.0, "weights": 50.0})
        self.assertEqual(compare.verdict(bar), "short of it by 10%")

    def test_streams(self):
        bars = compare.streams_bars(STREAMS)
        self.assertEqual([(bar["measured"], bar["met"]) for bar in bars], [(0.94, False), (0.2, True), (9.0, False)])
        self.assertIn("94.0%", report.streams_text(STREAMS))

    def test_galleries(self):
        rows = [("10k rows, cosine, batch of 32", 3.2, "ms"), ("all rows, cosine, batch of 32", 10.0, "ms"),
                ("all rows, cosine, batch of 32, rows' floats over bandwidth", 0.7, "x"),
                ("FAISS IndexFlatIP, batch of 32", 2000.0, "ms")]
        face = compare.middle(RESULTS["libembed bf16"]["batches"][32])
        bars = compare.gallery_bars(rows, RESULTS)
        self.assertEqual([(bar["measured"], bar["met"]) for bar in bars],
                         [(0.7, False), (200.0, True), (3.2e-3 / 32 / face, 1e-4 / face <= 0.02)])
        self.assertEqual(len(compare.gallery_bars(rows)), 2)
        self.assertEqual([bar["met"] for bar in compare.gallery_bars([])], [None, None])

    def test_pipelines(self):
        rows = [("pipeline: decode", 900.0), ("pipeline: decode, detect, embed", 89.0),
                ("pipeline: decode, queue, detect, embed", 95.0), ("pipeline: decode, queue, detect every 3rd, embed", 140.0)]
        self.assertEqual([(bar["measured"], bar["met"]) for bar in compare.pipeline_bars(rows)], [(95.0, True), (140.0, False)])
        self.assertEqual([bar["met"] for bar in compare.pipeline_bars([])], [None, None])

    def test_the_table_has_a_row_for_each_and_ours_first(self):
        shuffled = dict(reversed(RESULTS.items()))
        lines = report.contest_table(shuffled).splitlines()
        self.assertEqual([line.split("|")[1].strip()[:8] for line in lines[2:4]], ["libembed", "libembed"])
        row = next(line for line in lines if "A fp32" in line)
        self.assertIn("1.50×", row)
        self.assertEqual(len(lines), 2 + len(RESULTS))


class Roofline(unittest.TestCase):
    LIMITS = {"threads": 2, "fp32": 200e9, "bf16": 400e9, "int8": None, "read": 40e9}

    def test_the_work_of_the_network(self):
        operations, weights = roofline.network_work(224)
        # All parameters but those of the batch norms and the dense layer's bias (libembed/include/embed/nn/resnet18_v2.h).
        self.assertEqual(weights, 11240512 - 2 * 3968 - 128)
        # ResNet-18 takes 1.82 G multiply-adds with a dense layer of 1,000.
        self.assertAlmostEqual(operations / 2, 1.814e9, delta=2e6)
        self.assertEqual(roofline.network_work(112, 1)[1], weights - 2 * 64 * 49)

    def test_the_longer_of_arithmetic_and_memory_is_the_limit(self):
        why, keys = {"arithmetic": "a", "memory": "m"}, ("limit", "share", "bound", "why", "achieved")
        row = roofline.stage("s", 2.0, 100.0, 100.0, 10.0, 100.0, why)
        self.assertEqual([row[key] for key in keys], [1.0, 0.5, "arithmetic", "a", 50.0])
        row = roofline.stage("s", 2.0, 10.0, 100.0, 50.0, 100.0, why)
        self.assertEqual([row[key] for key in keys], [0.5, 0.25, "memory", "m", 25.0])

    def test_rows_of_what_the_machine_has_limits_for(self):
        results = {**RESULTS, "libembed int8": result("int8", [1.0], [1.0])}
        names = [row["name"] for row in roofline.embed_rows(results, self.LIMITS, (112, 112, 3))]
        self.assertEqual(names, [f"embed, batch {batch}, {precision}" for precision in ("fp32", "bf16") for batch in (1, 32)])
        one = roofline.match_row("m", 1.0, 1000000, 1, self.LIMITS)
        self.assertEqual((one["bound"], one["limit"]), ("memory", 512e6 / 40e9))
        self.assertEqual(roofline.match_row("m", 1.0, 1000000, 32, self.LIMITS)["bound"], "arithmetic")


class Charts(unittest.TestCase):
    def parsed(self, *args, **more):
        return ElementTree.fromstring(svg.chart(*args, **more))

    def test_points_lie_where_their_values_are(self):
        root = self.parsed("t", "x", "y", {"a < b": [(4, 10.0), (1, 0.1), (2, 1.0)]}, log_x=True, log_y=True)
        circles = [(float(c.get("cx")), float(c.get("cy"))) for c in root.iter("{http://www.w3.org/2000/svg}circle")]
        self.assertEqual(circles, [(svg.LEFT, svg.TOP + svg.HEIGHT), (svg.LEFT + svg.WIDTH / 2, svg.TOP + svg.HEIGHT / 2),
                                   (svg.LEFT + svg.WIDTH, svg.TOP)])
        texts = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
        for mark in ("1", "2", "4", "0.1", "10", "a < b"):
            self.assertIn(mark, texts)

    def test_a_single_point_and_zeros_can_be_drawn(self):
        self.parsed("t", "x", "y", {"a": [(32, 1.0)]}, log_x=True, log_y=True)
        self.parsed("t", "x", "y", {"a": [(0, 0.0)]})
        self.parsed("t", "x", "y", {"a": [(0, 0.0), (32, 7.5)]})

    def test_a_chart_for_each_thing_measured_at_several_sizes(self):
        gallery = {f"match/{metric}/{rows}/{queries}": (rows * queries * 1e-9, 1e9 / rows) for metric in ("cosine", "l1")
                   for rows in (1000, 10000) for queries in (1, 16)}
        gallery["another"] = (1.0, 1.0)
        points = sections.match_points(gallery)
        self.assertEqual(sorted(points), ["cosine, 1 at once", "cosine, 16 at once", "l1, 1 at once", "l1, 16 at once"])
        self.assertEqual([x for x, _ in points["l1, 16 at once"]], [1000, 10000])
        self.assertAlmostEqual(points["l1, 16 at once"][1][1], 1e-5)
        data = {"gallery": gallery, "streams": STREAMS,
                "frames": {"faces": [(0, 0.0), (2, 0.01)], "crop": [(320, 0.001), (640, 0.001)]},
                "contest": {"results": RESULTS}}
        self.assertEqual(sorted(report.charts(data)), ["batch", "faces", "frame-size", "gallery", "streams"])
        self.assertEqual(report.charts({}), {})

    def test_a_pipeline_that_does_not_end_is_begun_again(self):
        with tempfile.TemporaryDirectory() as folder:
            mark = os.path.join(folder, "began")
            once = ["sh", "-c", 'test -e "$0" || { : >"$0"; exec sleep 60; }; echo done', mark]
            with contextlib.redirect_stderr(io.StringIO()) as said:
                result, _ = pipeline.run(once, limit=2)
            self.assertEqual((result.returncode, result.stdout), (0, "done\n"))
            self.assertIn("again", said.getvalue())
            with contextlib.redirect_stderr(io.StringIO()), self.assertRaisesRegex(SystemExit, "three times: sleep 60"):
                pipeline.run(["sleep", "60"], limit=0.05)

    def test_pipelines_that_fail_cost_only_their_section(self):
        with mock.patch.object(pipeline, "default_clips", return_value=["clip"]), \
             mock.patch.dict(os.environ, TRIPLETEMBED_MODEL="weights"), \
             mock.patch.object(pipeline, "measure_all", side_effect=SystemExit("pipeline.py: no end after 1 s, three times")), \
             contextlib.redirect_stderr(io.StringIO()) as said:
            self.assertEqual(sections.pipeline_rows(1), [])
        self.assertIn("pipeline: not measured: pipeline.py: no end", said.getvalue())

    def test_programs_that_fail_or_are_not_built_cost_only_their_section(self):
        with tempfile.TemporaryDirectory() as build:
            os.mkdir(os.path.join(build, "benchmarks"))
            with contextlib.redirect_stderr(io.StringIO()) as said:
                self.assertIsNone(sections.streams(build, "w", 1, 1))
            self.assertIn("streams: not measured: no streams-bench", said.getvalue())
            path = os.path.join(build, "benchmarks", "gallery-bench")
            for body, rows in (("echo no rows >&2; exit 3", None), ("""echo '{"a, b [ms]": 2.5, "recall []": 1}'""",
                                                                   [("a, b", 2.5, "ms"), ("recall", 1, "")])):
                with open(path, "w", encoding="utf-8") as file:
                    file.write("#!/bin/sh\n" + body + "\n")
                os.chmod(path, 0o755)
                with contextlib.redirect_stderr(io.StringIO()) as said:
                    self.assertEqual(sections.million(build, 1), rows)
                self.assertIn("" if rows else "gallery-bench ended with 3: no rows", said.getvalue())
        self.assertIn("| 2.5 ms |", report.million_text([("a, b", 2.5, "ms")]))

    def test_tables_line_up(self):
        text = tables.table(["name", "time"], [["a", "1 ms"], ["longer", "10 µs"]])
        self.assertEqual(len({len(line) for line in text.splitlines()}), 1)
        self.assertTrue(text.splitlines()[1].endswith(":|"))
        self.assertEqual([tables.as_time(s) for s in (2.5, 0.0025, 2.5e-6, 2.5e-9)], ["2.50 s", "2.50 ms", "2.50 µs", "2 ns"])
        self.assertEqual(tables.as_rate(4.09e10, "B/s"), "40.9 GB/s")


class Native(unittest.TestCase):
    def test_bf16_takes_part_where_the_cpu_has_it(self):
        names = [*contest.OURS, *contest.PEERS]
        ours = contest.Contest("build", "folder", None, 2)
        self.assertEqual(ours.native(names, {"bf16": 1e12}), names)
        self.assertEqual(ours.skipped, {})
        left = ours.native(names, {"bf16": None})
        self.assertIn("libembed fp32", left)
        self.assertEqual({name for name in names if "bf16" in name}, set(ours.skipped))
        self.assertEqual(set(left) | set(ours.skipped), set(names))


class Contest(CliTest):
    """Contenders that are scripts: what is asked of them, and what becomes of those that fail."""

    def script(self, body):
        return [sys.executable, "-c", "import sys, json\n" + body]

    def contest(self, scripts, faces_model):
        test = self

        class Scripted(contest.Contest):
            def open(self, name, **_):
                return contest.Contender(test.script(scripts[name]), dict(os.environ))
        return Scripted("", self.folder, faces_model, 2)

    def test_turns_move_on_and_failures_are_named(self):
        row = array.array("f", [1.0] * 128).tobytes()
        self.write("reference", row)
        log = self.path("log")
        good = f"""
print(json.dumps({{"version": "v", "load": 1, "start": 2}}), flush=True)
for line in sys.stdin:
    open({log!r}, "a").write(NAME + " " + line)
    print("a word of the runtime's own")
    if line.startswith("embed"):
        open({self.folder!r} + "/" + NAME.replace(" ", "-") + ".raw", "wb").write({row!r})
    print(json.dumps({{"per_face": 0.5, "setting": "s", "peak_mb": 7}}), flush=True)
"""
        scripts = {"libembed fp32": "NAME = 'libembed fp32'" + good, "PyTorch fp32": "NAME = 'PyTorch fp32'" + good,
                   "OpenVINO fp32": "sys.exit('no such\\nruntime here')",
                   "OpenVINO bf16": "print(json.dumps({'version': 'v'}), flush=True); input(); sys.exit('died at once')",
                   "torch.compile fp32": ("NAME = 'torch.compile fp32'" + good).replace(
                       "for line in sys.stdin:", "for i, line in enumerate(sys.stdin):\n    i == 4 and sys.exit('no more')"),
                   "libembed int8": "print(json.dumps({'unsupported': 'no int8'}))"}
        model = faces.Model("", "", "", self.path("reference"), (1, 1, 1), "")
        ours = self.contest(scripts, model)
        results = ours.take_turns(list(scripts), (1, 32), 2, 0.1)
        self.assertEqual(ours.skipped, {
            "torch.compile fp32": "ended while it was measured: no more", "OpenVINO fp32": "runtime here",
            "OpenVINO bf16": "died at once", "libembed int8": "no int8"})
        self.assertEqual(sorted(results), ["PyTorch fp32", "libembed fp32"])
        self.assertEqual(results["PyTorch fp32"]["batches"][32]["times"], [0.5, 0.5])
        self.assertAlmostEqual(results["PyTorch fp32"]["cosine"][1], 1.0)
        with open(log, encoding="utf-8") as file:
            turns = [line.split(" time ") for line in file if line.strip().endswith(" 0.1")]
        self.assertEqual([who for who, what in turns if what.startswith("1 ")],
                         ["libembed fp32", "PyTorch fp32", "torch.compile fp32", "PyTorch fp32", "libembed fp32"])
        ours.probe(list(scripts), results, 3)
        self.assertEqual([results["PyTorch fp32"][key] for key in ("load", "start", "peak_mb")], [1, 2, 7])

    def test_embeddings_of_another_number_are_refused(self):
        self.write("one", bytes(128 * 4))
        self.write("two", bytes(2 * 128 * 4))
        with self.assertRaisesRegex(ValueError, "2 embeddings expected, found 1"):
            faces.cosines(self.path("one"), self.path("two"))

    def test_peers_that_cannot_be_installed_say_why(self):
        with self.assertRaisesRegex(peer_env.PeerError, "thing not in .*--offline"):
            peer_env.ensure(["thing"], ["thing"], self.folder, offline=True)
        python = self.write("venv/bin/python", "#!/bin/sh\necho 'ERROR: no network' >&2\necho done >&2\nexit 1\n")
        os.chmod(python, os.stat(python).st_mode | stat.S_IXUSR)
        with self.assertRaisesRegex(peer_env.PeerError, "pip: ERROR: no network"):
            peer_env.ensure(["thing"], ["thing"], self.folder)

    def test_others_take_a_share(self):
        others = machine.Others()
        self.assertGreaterEqual(others.share(), 0.0)
        self.assertLessEqual(others.share(), 1.5)


class Whole(CliTest):
    """`./run bench` itself."""

    def test_everything_without_peers(self):
        done = run_bench("--runs", 1, "--seconds", 0, "--side", 32, "--threads", 1, "--sections", "embed,peers,crop,frames,streams",
                         "--offline", "--peers-folder", self.path("none", "")[:-1], "--weights", self.weights, "--write",
                         "tiny", "--folder", self.path("pages", "")[:-1], "--json", self.path("all.json"))
        self.assertEqual(done.returncode, 0, done.stderr)
        for words in ("| libembed fp32", "- ONNX Runtime fp32: onnxruntime, numpy not in", "- torch.compile bf16: ",
                      "batch 32, fp32, beside the best fp32 (no peer)", "not measured", "embed, batch 32, fp32"):
            self.assertIn(words, done.stdout)
        with open(self.path("all.json"), encoding="utf-8") as file:
            data = json.load(file)
        ours = data["contest"]["results"]["libembed fp32"]
        self.assertEqual(sorted(map(int, ours["batches"])), [1, 2, 4, 8, 16, 32])
        self.assertGreater(ours["cosine"][1], 0.99999)
        self.assertEqual(data["contest"]["shape"], [32, 32, 3])
        self.assertEqual([x for x, _ in data["frames"]["faces"]], [0, 1, 2, 4, 8, 16, 32])
        written = sorted(os.listdir(self.path("pages", "")))
        self.assertEqual([name.split("-tiny")[1] for name in written if name.endswith(".svg")],
                         ["-batch.svg", "-faces.svg", "-frame-size.svg"] + ["-streams.svg"] * bool(data.get("streams")))
        page = next(name for name in written if name.endswith(".md"))
        with open(self.path("pages", page), encoding="utf-8") as file:
            text = file.read()
        self.assertIn("`./run bench --runs 1 --seconds 0", text)
        for name in written:
            if name.endswith(".svg"):
                self.assertIn(f"]({name})", text)
                ElementTree.parse(self.path("pages", name))

    def test_an_interrupt_leaves_what_was_measured(self):
        # One contender is measured as well as three are.
        with mock.patch.object(sections, "frame_points", side_effect=KeyboardInterrupt), \
                mock.patch.object(contest, "OURS", {"libembed fp32": "fp32"}), mock.patch.object(contest, "SWEEP", (1, 32)), \
                contextlib.redirect_stdout(io.StringIO()) as shown, contextlib.redirect_stderr(io.StringIO()) as said:
            status = bench.main(["--build", BUILD, "--runs", "1", "--seconds", "0", "--side", "32", "--threads", "1",
                                 "--sections", "embed,frames", "--write", "cut-short", "--folder", self.path("pages", "")])
        self.assertEqual(status, 130)
        self.assertIn("| libembed fp32 ", shown.getvalue())
        self.assertIn("interrupted", said.getvalue())
        self.assertRegex(said.getvalue(), r"bench: \d+ s: embed\nbench: \d+ s: frames\n")
        self.assertEqual(os.listdir(self.path("pages", "")), [], "half a page")

    def test_wrong_arguments_are_refused(self):
        for words, says in ((["--sections", "embed,speed"], "no section 'speed'"), (["--runs", "0"], "at least 1"),
                            (["--side", "x"], "at least 16"),
                            (["--seconds", "nan"], "at least 0"), (["--write", "../x"], "a file's name"),
                            (["--weights", "/no/such"], "/no/such is not there")):
            done = run_bench(*words)
            self.assertEqual(done.returncode, 2, words)
            self.assertIn(says, done.stderr)


class EmbedSpeed(CliTest):
    def speed(self, *words, lines=""):
        return subprocess.run([os.path.join(BUILD, "benchmarks", "embed-speed"), *words], input=lines, capture_output=True,
                              text=True)

    def test_bad_input(self):
        crops = self.write("crops", bytes(100))
        for words, says in ((["--weights", self.weights], "--crops is needed"), (["--oops", "1"], "unknown option --oops"),
                            (["--weights"], "--weights needs a value"),
                            (["--weights", self.weights, "--crops", "/no/such"], "/no/such: cannot be read"),
                            (["--weights", self.weights, "--crops", crops], "not a multiple of"),
                            (["--weights", crops, "--crops", crops], "embed-speed: ")):
            done = self.speed(*words)
            self.assertNotEqual(done.returncode, 0, words)
            self.assertIn(says, done.stderr)

    def test_lines(self):
        crops = self.write("crops", faces.made_up_crops(64, 3)[:3 * 64 * 64 * 3])
        common = ("--weights", self.weights, "--crops", crops)
        done = self.speed(*common, "--precision", "int3")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("int3", json.loads(done.stdout)["unsupported"])
        done = self.speed(*common, "--precision", "fp32", "--embeddings", self.path("out"), lines="time 4 0\nembed 2\n")
        hello, timed, embedded = map(json.loads, done.stdout.splitlines())
        self.assertEqual((hello["precision"], hello["input"], timed["batch"], timed["passes"]), ("fp32", [64, 64, 3], 4, 3))
        self.assertGreater(hello["start"], hello["load"])
        self.assertGreater(timed["peak_mb"], 10)
        self.assertEqual(os.path.getsize(embedded["embeddings"]), 3 * 128 * 4)
        done = self.speed(*common, lines="time\n")
        self.assertEqual(done.returncode, 2)
        self.assertIn("'time': time BATCH SECONDS", done.stderr)


if __name__ == "__main__":
    unittest.main()
