# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the measurements of a contest say: medians, ratios turn by turn, and whether they reach the bars."""
import statistics

BAR_BATCH = 32
CROP_SIDE = 112  # libembed-bench's crop1080


def middle(entry):
    """Seconds a face: the median over the turns."""
    return statistics.median(entry["times"])


def spread(entry):
    """Half the distance between the quickest and the slowest turn, as a share of the median."""
    times = entry["times"]
    return (max(times) - min(times)) / 2 / statistics.median(times)


def ratio(entry, ours):
    """How many times as fast `ours` is as `entry`: the median over the turns of the ratio within a turn, so that what
    slows a whole turn down does not count."""
    return statistics.median(theirs / own for theirs, own in zip(entry["times"], ours["times"]))


def is_ours(name):
    return name.startswith("libembed")


def at(results, batch, precisions=None, ours=None):
    """[(name, entry of this batch size)], the quickest first, of these precisions and of us (ours=True) or the peers."""
    chosen = [(name, result["batches"][batch]) for name, result in results.items() if batch in result["batches"]
              and (precisions is None or result["precision"] in precisions) and (ours is None or is_ours(name) == ours)]
    return sorted(chosen, key=lambda pair: middle(pair[1]))


def own(results, precision):
    """Our result in this precision, or None."""
    return results.get(f"libembed {precision}")


def bar(text, measured, limit, at_most=False, unit="×"):
    """{"text", "measured", "limit", "met"}; measured None: there was nothing to compare."""
    met = None if measured is None else (measured <= limit if at_most else measured >= limit)
    return {"text": text, "measured": measured, "limit": limit, "at_most": at_most, "unit": unit, "met": met}


def against(results, batch, ours_in, theirs_in):
    """(ratio of our quickest to the quickest peer, its name), or (None, "no peer")."""
    ours, theirs = at(results, batch, ours_in, ours=True), at(results, batch, theirs_in, ours=False)
    if not ours or not theirs:
        return None, "no peer"
    return ratio(theirs[0][1], ours[0][1]), theirs[0][0]


def growth(results, precision):
    """Our time a face at batch 1 over that at BAR_BATCH."""
    result = own(results, precision)
    if result is None or 1 not in result["batches"] or BAR_BATCH not in result["batches"]:
        return None
    return ratio(result["batches"][1], result["batches"][BAR_BATCH])


def contest_bars(results):
    """The bars that a contest's results answer."""
    bars = []
    for text, batch, ours_in, theirs_in, limit in (
            ("batch 32, fp32, beside the best fp32", 32, ("fp32",), ("fp32",), 1.0),
            ("batch 32, best precision, beside the best fp32", 32, None, ("fp32",), 1.8),
            ("batch 32, best precision, beside the best bf16", 32, None, ("bf16",), 1.0),
            ("batch 1, fp32, beside the best fp32", 1, ("fp32",), ("fp32",), 1.0),
            ("batch 1, best precision, beside the best of all", 1, None, None, 1.0)):
        measured, name = against(results, batch, ours_in, theirs_in)
        bars.append(bar(f"{text} ({name})", measured, limit))
    for precision, limit in (("fp32", 1.7), ("bf16", 2.0)):
        bars.append(bar(f"batch 1 over batch 32 a face, {precision}", growth(results, precision), limit, at_most=True))
    loads = [result["load"] for name, result in results.items() if is_ours(name) and "load" in result]
    bars.append(bar("weights file to first embedding, the slowest precision", max(loads, default=None), 0.6, at_most=True,
                    unit=" s"))
    bf16 = own(results, "bf16")
    bars.append(bar("bf16, least cosine to the reference", bf16["cosine"][1] if bf16 else None, 0.999, unit=""))
    return bars


def preprocess_bars(results, side, crops):
    """The slowest of the faces that libembed-bench cuts from a 1080p NV12 frame beside the time that embedding one takes, in
    bf16 where there is that, by one core and by all. `crops`: {name: (seconds, …)}; nothing where faces are of another `side`
    than those are cut to."""
    cut = {name: seconds for name, (seconds, *_) in crops.items() if name.startswith("crop1080/nv12/")}
    ours = own(results, "bf16") or own(results, "fp32")
    if side != CROP_SIDE or not cut or ours is None:
        return []
    slowest = max(cut, key=cut.get)
    return [bar(f"{slowest.removeprefix('crop1080/')}: the slowest face to cut from a 1080p frame, of embedding it at batch "
                f"{batch}, {ours['precision']}", cut[slowest] / middle(ours["batches"][batch]), 0.05, at_most=True, unit="")
            for batch in (1, BAR_BATCH) if batch in ours["batches"]]


def memory_bar(memory):
    """`memory`: {"pipeline", "torch", "weights"} in MB."""
    allowed = memory["torch"] + memory["weights"]
    return bar(f"one-element pipeline, {memory['pipeline']:.0f} MB, over LibTorch alone ({memory['torch']:.0f} MB) and the "
               f"weights ({memory['weights']:.0f} MB)", memory["pipeline"] / allowed, 1.5, at_most=True)


def streams_bars(streams):
    """`streams`: what streams-bench says."""
    shares = [one["share"] for one in streams["streams"] if one["streams"] >= 4]
    return [bar("4 streams and more, of the library's own rate", min(shares, default=None), 0.95),
            bar("one stream with batch-size=1 adds", streams["added_latency_ms"], 0.3, at_most=True, unit=" ms"),
            bar("a second element adds", streams["second_element_mb"], 8.0, at_most=True, unit=" MB")]


def gallery_bars(rows, results=None):
    """`rows`: [(name, value, unit)] of gallery-bench; `results`: a contest's, for what a face takes, or None."""
    value = {name: value for name, value, _ in rows}

    def over(top, bottom):
        return None if top is None or not bottom else top / bottom

    faiss = value.get("FAISS IndexFlatIP, batch of 32")
    bars = [bar("32 faces against a million rows, the rows' floats over the memory's bandwidth",
                value.get("all rows, cosine, batch of 32, rows' floats over bandwidth"), 0.8),
            bar("32 faces against a million rows, beside FAISS's IndexFlat",
                over(faiss, value.get("all rows, cosine, batch of 32")), 1.0)]
    face = own(results or {}, "bf16") or own(results or {}, "fp32")
    match = value.get("10k rows, cosine, batch of 32")
    if face and match and BAR_BATCH in face["batches"]:
        bars.append(bar(f"10,000 identities add to a face, {face['precision']}, batches of 32",
                        match * 1e-3 / BAR_BATCH / middle(face["batches"][BAR_BATCH]), 0.02, at_most=True, unit=""))
    return bars


def pipeline_bars(rows):
    """`rows`: [("pipeline: STAGE", frames a second)]."""
    rates = {name.removeprefix("pipeline: "): rate for name, rate in rows}
    # With a queue or without: what is quicker depends on the machine, and both are one line of gst-launch.
    every = [rates[name] for name in ("decode, detect, embed", "decode, queue, detect, embed") if name in rates]
    return [bar("a 640×480 stream end to end, every frame detected", max(every, default=None), 90.0, unit=" frames/s"),
            bar("a 640×480 stream end to end, detect-interval=3", rates.get("decode, queue, detect every 3rd, embed"), 150.0,
                unit=" frames/s")]


def verdict(one):
    if one["met"] is None:
        return "not measured"
    if one["met"]:
        return "PASS"
    short = one["measured"] / one["limit"] - 1
    return f"short of it by {abs(short):.0%}" if abs(short) >= 0.005 else "just short of it"
