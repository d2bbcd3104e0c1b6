# SPDX-License-Identifier: LGPL-2.1-or-later
"""What `./run bench` measured, as a page: tables, bars, the roofline, and the charts beside it."""
import os
import statistics

import compare
import roofline
import sections
import svg
from tables import as_rate, as_time, table

# Of the crops that libembed_bench.cpp makes: the frame's pixels under a crop, its bytes, bytes a pixel of the frame.
CROP_BOX, CROP_BYTES = (173, 173), 64 * 64 * 3
PIXEL_BYTES = {"rgb": 3, "bgr": 3, "gray8": 1, "nv12": 1.5, "i420": 1.5}


def head(data, machine):
    limits = data["limits"]
    rates = ", ".join(f"{as_rate(limits[key], 'op/s')} in {key}" for key in ("fp32", "bf16", "int8") if limits[key])
    rates += " (but for fp32 by AMX's tiles)" if limits.get("tiles") else ""
    return (f"{machine}; {data['threads']} threads. Its limits, measured in the same run: {rates}; "
            f"{as_rate(limits['read'], 'B/s')} read from memory.\n"
            f"Medians of {data['runs']} runs. Other processes took {data['others']:.0%} of the CPUs meanwhile"
            + (": too much, these figures say little." if data["others"] > 0.05 else "."))


def versions(results):
    """"ONNX Runtime 1.2, …": each runtime once."""
    return ", ".join(dict.fromkeys(result["version"] for result in results.values()))


def contest_table(results):
    rows = []
    for name, result in sorted(results.items(), key=lambda pair: not compare.is_ours(pair[0])):
        ours = compare.own(results, result["precision"])
        row = [name]
        for batch in (1, 32):
            entry = result["batches"][batch]
            row += [f"{as_time(compare.middle(entry))} ±{compare.spread(entry):.0%}",
                    "" if compare.is_ours(name) or ours is None
                    else f"{compare.ratio(entry, ours['batches'][batch]):.2f}×"]
        mean, least = result["cosine"]
        row += [f"{mean:.6f}", f"{least:.6f}", f"{result['peak_mb']:,.0f} MB", as_time(result["load"]),
                as_time(result["start"])]
        rows.append(row)
    return table(["runtime", "batch 1, a face", "ours is", "batch 32, a face", "ours is", "mean cosine", "least",
                  "peak memory", "load", "start"], rows)


def contest_text(contest):
    results = contest["results"]
    parts = [f"## libembed beside its peers\n\n{contest['model']}. {versions(results)}.", contest_table(results)]
    if contest["skipped"]:
        parts.append("Skipped:\n\n" + "\n".join(f"- {name}: {reason}" for name, reason in contest["skipped"].items()))
    return "\n\n".join(parts)


def bars_text(data):
    bars = []
    if "contest" in data:
        results = data["contest"]["results"]
        bars = compare.contest_bars(results) + compare.preprocess_bars(results, data["contest"]["shape"][0],
                                                                       data.get("crop", {}))
    if data.get("memory"):
        bars.append(compare.memory_bar(data["memory"]))
    if data.get("streams"):
        bars += compare.streams_bars(data["streams"])
    if data.get("pipeline"):
        bars += compare.pipeline_bars(data["pipeline"])
    if data.get("million"):
        bars += compare.gallery_bars(data["million"], data.get("contest", {}).get("results"))
    if not bars:
        return ""
    rows = [[one["text"], "–" if one["measured"] is None else f"{one['measured']:.4g}{one['unit']}",
             f"{'≤' if one['at_most'] else '≥'} {one['limit']:g}{one['unit']}", compare.verdict(one)] for one in bars]
    return "## Bars\n\n" + table(["what", "measured", "bar", "verdict"], rows, left=(0, -1))


def stages_text(data):
    rows = [[name, as_time(seconds), f"{rate:,.0f} /s"] for section in ("crop", "gallery")
            for name, (seconds, rate) in data.get(section, {}).items()]
    rows += [[name, as_time(1 / rate), f"{rate:,.1f} frames/s"] for name, rate in data.get("pipeline", [])]
    return "## Stages\n\n" + table(["benchmark", "median time", "rate"], rows) if rows else ""


def streams_text(streams):
    rows = [[one["streams"], f"{one['faces_per_second']:,.1f} faces/s", f"{one['library_faces_per_second']:,.1f} faces/s",
             f"{one['share']:.1%}", f"{one['mean_batch']:.1f}"] for one in streams["streams"]]
    return "## Streams\n\n" + table(["streams", "all together", "the library alone", "share", "faces in a pass"], rows)


def million_text(rows):
    return "## A gallery of a million\n\n" + table(["what", "value"], [
        [name, f"{value:,.4g} {unit}".strip()] for name, value, unit in rows])


def roofline_rows(data):
    limits, rows = data["limits"], []
    if "contest" in data:
        rows += roofline.embed_rows(data["contest"]["results"], limits, data["contest"]["shape"])
    for name, (seconds, _) in data.get("crop", {}).items():
        if name.startswith("crop/"):
            pixel = PIXEL_BYTES.get(name.split("/")[1], 4)
            rows.append(roofline.crop_row(name, seconds, CROP_BOX, pixel, CROP_BYTES, limits))
    for name, (seconds, _) in data.get("gallery", {}).items():
        words = name.split("/")
        if len(words) == 4 and words[0] == "match":
            rows.append(roofline.match_row(name, seconds, int(words[2]), int(words[3]), limits))
    return rows


def roofline_text(data):
    rows = [[row["name"], as_time(row["seconds"]), as_time(row["limit"]), f"{row['share']:.0%}",
             f"{as_rate(row['achieved'], row['unit'])} of {as_rate(row['most'], row['unit'])}", row["bound"], row["why"]]
            for row in roofline_rows(data)]
    if not rows:
        return ""
    return "## Roofline\n\n" + table(["stage", "time", "limit", "share", "achieved", "bound by", "why not all of it"], rows,
                                     left=(0, -2, -1))


def text(data, machine, pictures=""):
    parts = [head(data, machine), contest_text(data["contest"]) if "contest" in data else "", bars_text(data),
             stages_text(data), streams_text(data["streams"]) if data.get("streams") else "",
             million_text(data["million"]) if data.get("million") else "", roofline_text(data), pictures]
    return "\n\n".join(part for part in parts if part)


def charts(data):
    """{file's last name: SVG} of everything that was measured at more than one size."""
    made = {}
    if "contest" in data:
        made["batch"] = svg.chart("A face by faces in a pass", "faces in a pass", "ms a face", {
            name: [(batch, 1e3 * statistics.median(entry["times"])) for batch, entry in result["batches"].items()]
            for name, result in data["contest"]["results"].items()}, log_x=True, log_y=True)
    frames = data.get("frames", {})
    if "faces" in frames:
        made["faces"] = svg.chart("A 640×480 frame by faces in it: cut and embedded", "faces", "ms a frame",
                                  {"NV12": [(x, 1e3 * seconds) for x, seconds in frames["faces"]]})
    sized = {{"crop": "one face cut", "detect": "faces looked for"}[what]: [(x, 1e3 * seconds) for x, seconds in points]
             for what, points in frames.items() if what != "faces"}
    if sized:
        made["frame-size"] = svg.chart("A frame by its size", "width of a 4:3 frame", "ms a frame", sized,
                                       log_x=True, log_y=True)
    if data.get("gallery"):
        made["gallery"] = svg.chart("A match by the gallery's size", "rows", "µs a face", {
            label: [(x, 1e6 * seconds) for x, seconds in points]
            for label, points in sections.match_points(data["gallery"]).items()}, log_x=True, log_y=True)
    if data.get("streams"):
        made["streams"] = svg.chart("Streams of one face a frame", "streams", "faces/s, all streams", {
            "tripletembed": [(row["streams"], row["faces_per_second"]) for row in data["streams"]["streams"]]}, log_x=True)
    return made


def write(folder, name, first, data, machine):
    """Writes NAME.md and NAME-*.svg into `folder`; the page's path."""
    os.makedirs(folder, exist_ok=True)
    drawn = charts(data)
    for what, picture in drawn.items():
        with open(os.path.join(folder, f"{name}-{what}.svg"), "w", encoding="utf-8") as file:
            file.write(picture)
    pictures = "## How cost grows\n\n" + "\n\n".join(f"![{what}]({name}-{what}.svg)" for what in drawn) if drawn else ""
    path = os.path.join(folder, name + ".md")
    with open(path, "w", encoding="utf-8") as file:
        file.write(first + text(data, machine, pictures) + "\n")
    return path
