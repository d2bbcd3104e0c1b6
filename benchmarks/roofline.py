# SPDX-License-Identifier: LGPL-2.1-or-later
"""How far each stage is from what the machine could do.

A stage's limit is the time that its arithmetic takes at the machine's highest rate of multiply-adds, or that reading what it
must read takes at the machine's memory bandwidth, whichever is longer. Both rates are measured (machine_speed.cpp). The
network's arithmetic is counted as direct convolutions: Winograd's filtering does with less, so a share may exceed 100 %."""
DIMENSIONS = 128
BYTES = {"fp32": 4, "bf16": 2, "int8": 1}
STAGES = ((64, 64, 1), (64, 128, 2), (128, 256, 2), (256, 512, 2))


def network_work(side, channels=3):
    """(operations a face, number of weights) of ResNet18-v2's convolutions and its dense layer; a multiply-add is two."""
    multiplications = weights = 0

    def convolution(inner, outer, kernel, size):
        nonlocal multiplications, weights
        count = inner * outer * kernel * kernel
        weights += count
        multiplications += count * size * size
    size = (side + 1) // 2
    convolution(channels, 64, 7, size)
    size = (size + 1) // 2
    for inner, outer, stride in STAGES:
        size = (size + stride - 1) // stride
        convolution(inner, outer, 3, size)
        if stride != 1:
            convolution(inner, outer, 1, size)
        for _ in range(3):
            convolution(outer, outer, 3, size)
    convolution(512, DIMENSIONS, 1, 1)
    return 2 * multiplications, weights


def stage(name, seconds, operations, rate, read, bandwidth, why):
    """One row: {"name", "seconds", "limit", "share", "achieved", "unit", "bound", "why"}; `why` maps "arithmetic" and
    "memory" to a line."""
    arithmetic, memory = operations / rate, read / bandwidth
    bound = "arithmetic" if arithmetic >= memory else "memory"
    achieved, most = (operations, rate) if bound == "arithmetic" else (read, bandwidth)
    return {"name": name, "seconds": seconds, "limit": max(arithmetic, memory), "share": max(arithmetic, memory) / seconds,
            "achieved": achieved / seconds, "most": most, "unit": "op/s" if bound == "arithmetic" else "B/s", "bound": bound,
            "why": why[bound]}


def embed_rows(results, limits, shape):
    """A row for each of our precisions at batch 1 and at 32. `results`: of a contest; `limits`: of machine.limits."""
    operations, weights = network_work(shape[0], shape[2])
    rows = []
    for name, result in results.items():
        precision = result["precision"]
        by_tiles = limits.get("tiles") and precision != "fp32"
        if not name.startswith("libembed") or not limits.get(precision):
            continue
        for batch in (1, 32):
            if batch not in result["batches"]:
                continue
            times = sorted(result["batches"][batch]["times"])
            rows.append(stage(
                f"embed, batch {batch}, {precision}", times[len(times) // 2] * batch, operations * batch, limits[precision],
                weights * BYTES[precision] + batch * shape[0] * shape[1] * shape[2], limits["read"], {
                    "arithmetic": ("fewer products than the direct convolution that the limit counts (Winograd); "
                                   if precision != "int8" and not by_tiles else "")
                                  + "loads beside the products, and the layers' edges"
                                  + (", and tiles that small pictures do not fill" if by_tiles else "")
                                  + (", and small layers that threads share badly" if batch == 1 else ""),
                    "memory": "every weight is read once for so few faces"}))
    return rows


def crop_row(name, seconds, box, bytes_a_pixel, out, limits):
    """Of one core. `box`: pixels of the frame that the crop covers; `out`: its bytes."""
    pixels = box[0] * box[1]
    return stage(name, seconds, 0, limits["fp32"], pixels * bytes_a_pixel + out, limits["read"] / limits["threads"], {
        "memory": "not the reading, but the arithmetic of the antialiasing filter on every pixel takes the time"})


def match_row(name, seconds, rows, queries, limits):
    return stage(name, seconds, 2 * DIMENSIONS * rows * queries, limits["fp32"], 4 * DIMENSIONS * rows, limits["read"], {
        "arithmetic": "each row is used so often that its products, not its reading, should take the time",
        "memory": "the rows stream through once" if 4 * DIMENSIONS * rows > 2 ** 25
                  else "so few rows lie in the cache, which is faster than memory"})
