# SPDX-License-Identifier: LGPL-2.1-or-later
"""The demo's table, and commands as text. Reads tripletjson's JSON Lines; Python's standard library alone."""
import json
import shlex


def command_line(arguments):
    """A command that can be copied into a shell, broken at the branches of the pipeline."""
    text = []
    for argument in arguments:
        quoted = argument if argument == "!" else shlex.quote(argument)
        text.append("\\\n    " + quoted if argument == "faces." else quoted)
    # An interactive bash keeps "!" followed by a blank as it is.
    return " ".join(text)


def people_of(path):
    """(frames, frames with a face, {label: [frames, distances]}) of one file."""
    frames = with_face = 0
    people = {}
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            objects = json.loads(line)["objects"]
            frames += 1
            with_face += bool(objects)
            labels = set()
            for thing in objects:
                identity = thing.get("identity") or {}
                label = identity.get("label") or "(no identity)"
                if identity.get("reason") == "undecided":
                    label = "(undecided)"
                entry = people.setdefault(label, [0, []])
                entry[0] += label not in labels
                labels.add(label)
                if isinstance(identity.get("distance"), (int, float)):
                    entry[1].append(identity["distance"])
    return frames, with_face, people


def print_table(clips):
    """`clips`: [(name, JSON Lines file)]."""
    rows = [("clip", "who", "frames", "of face frames", "mean distance")]
    for name, path in clips:
        frames, with_face, people = people_of(path)
        if not people:
            rows.append((name, "(no face)", f"0 of {frames}", "", ""))
        for label, (seen, distances) in sorted(people.items(), key=lambda item: -item[1][0]):
            mean = f"{sum(distances) / len(distances):.3f}" if distances else "-"
            rows.append((name, label, f"{seen} of {frames}", f"{100 * seen / with_face:.1f} %", mean))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for number, row in enumerate(rows):
        left = [cell.ljust(width) for cell, width in zip(row[:2], widths[:2])]
        right = [cell.rjust(width) for cell, width in zip(row[2:], widths[2:])]
        print("  ".join(left + right).rstrip())
        if number == 0:
            print("  ".join("-" * width for width in widths))
