# SPDX-License-Identifier: LGPL-2.1-or-later
"""Faces of nobody, drawn from a number, for pages that need pictures of people."""
import functools
import random

SKIN = [(246, 214, 188), (233, 190, 152), (201, 149, 107), (150, 103, 70), (107, 71, 48)]
HAIR = [(52, 39, 33), (94, 62, 38), (168, 121, 64), (208, 205, 200), (33, 33, 40), (146, 66, 42)]
GROUND = [(205, 222, 240), (220, 232, 214), (242, 226, 206), (231, 217, 236), (214, 232, 234), (244, 220, 220)]
SHIRT = [(66, 99, 150), (92, 130, 98), (170, 96, 84), (112, 98, 150), (214, 168, 84), (80, 90, 104)]


def inside(x, y, cx, cy, rx, ry):
    return ((x - cx) / rx) ** 2 + ((y - cy) / ry) ** 2 <= 1


def colour_at(x, y, look):
    """Of a place in a square from 0 to 1, y down; the last shape that covers it."""
    colour = look["ground"]
    if look["long"] and inside(x, y, 0.5, 0.56, 0.31, 0.40):
        colour = look["hair"]
    if inside(x, y, 0.5, 1.05, 0.42, 0.26):
        colour = look["shirt"]
    if inside(x, y, 0.5, 0.78, 0.10, 0.14):
        colour = look["shade"]
    if inside(x, y, 0.5, 0.46, 0.27, 0.30):
        colour = look["hair"]
    if inside(x, y, 0.5, 0.52, look["wide"], 0.29) and (y > look["brow"] + 0.25 * (x - 0.5) ** 2 or inside(x, y, 0.5, 0.54, 0.19, 0.24)):
        colour = look["skin"]
    for side in (-1, 1):
        eye = 0.5 + side * 0.095
        if inside(x, y, eye, 0.50, 0.034, 0.024):
            colour = (255, 255, 255)
        if inside(x, y, eye, 0.50, 0.018, 0.021):
            colour = (45, 40, 45)
        if abs(x - eye) < 0.05 and abs(y - 0.445 - 2 * (x - eye) ** 2) < 0.009:
            colour = look["hair"]
        if look["glasses"] and inside(x, y, eye, 0.50, 0.068, 0.060) and not inside(x, y, eye, 0.50, 0.058, 0.050):
            colour = (50, 55, 70)
        if inside(x, y, 0.5 + side * 0.13, 0.60, 0.045, 0.03):
            colour = tuple(int(0.85 * a + 0.15 * b) for a, b in zip(colour, (230, 110, 100)))
    if abs(x - 0.5) < 0.012 + 0.02 * max(0, y - 0.54) / 0.06 and 0.52 < y < 0.60:
        colour = look["shade"]
    if abs(x - 0.5) < 0.085 and abs(y - 0.70 + look["smile"] * (x - 0.5) ** 2) < 0.012:
        colour = (176, 84, 80)
    return colour


@functools.lru_cache(None)
def face(number, side=112):
    """The bytes of a PPM file."""
    chance = random.Random(number)
    skin = chance.choice(SKIN)
    look = {"skin": skin, "shade": tuple(int(0.86 * part) for part in skin), "hair": chance.choice(HAIR), "ground": chance.choice(GROUND),
            "shirt": chance.choice(SHIRT), "long": chance.random() < 0.5, "glasses": chance.random() < 0.3,
            "wide": chance.uniform(0.20, 0.23), "brow": chance.uniform(0.30, 0.38), "smile": chance.uniform(2, 5)}
    pixels = bytearray()
    for row in range(side):
        for column in range(side):
            four = [colour_at((column + dx) / side, (row + dy) / side, look) for dx in (0.25, 0.75) for dy in (0.25, 0.75)]
            pixels += bytes(sum(part) // 4 for part in zip(*four))
    return b"P6\n%d %d\n255\n" % (side, side) + bytes(pixels)
