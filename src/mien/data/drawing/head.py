"""Drawing of the head and its surroundings: backdrop, neck, hair, beard, glasses, and occlusions."""

from __future__ import annotations

import numpy as np

from mien.data.drawing.canvas import Canvas, Patch, bump, clip01, ellipse, hill, segment
from mien.data.drawing.person import OCCLUSIONS, Plane


def backdrop(canvas: Canvas) -> None:
    """Draw a wall that darkens downwards, with a soft patch of light."""
    shot = canvas.shot
    fall = np.clip(canvas.y * 0.4 + 0.5, 0, 1)
    fall -= 0.45 * hill(canvas.x - shot.glow_x, canvas.y - shot.glow_y, 0.9, 0.9)
    canvas.pixels[...] = shot.backdrop + fall * (shot.backdrop_low - shot.backdrop)


def hair_behind(canvas: Canvas) -> None:
    """Draw the hair behind the face."""
    who = canvas.who
    wave = canvas.x + np.sin(canvas.y * 13 + who.hair_part * 40) * (0.025 * who.curl)
    shape = np.maximum(_crown(canvas, wave), canvas.y - who.hair_length)
    tone = 0.62 + 0.08 * np.sin(wave * who.strands)
    canvas.paint(canvas.inside(shape) * who.has_hair, who.hair * tone)


def _crown(canvas: Canvas, x: Plane) -> Plane:
    """Signed distance to the outline of the hair: round on top, straight down at the sides."""
    who = canvas.who
    over = np.minimum(canvas.y + 0.02, 0) / (0.84 + who.hair_volume)
    reach: Plane = np.sqrt((x / (who.head_width + who.hair_side)) ** 2 + over * over)
    reach += 0.016 * who.curl * (np.sin(x * 25) + np.sin(canvas.y * 21))
    return (reach - 1) * 0.7


def neck(area: Patch) -> None:
    """Draw the neck in the chin's shadow, and clothes."""
    who, u, v = area.who, np.abs(area.u), area.v
    area.paint(area.inside(np.maximum(u - 0.62 * who.head_width - 0.2 * (v - 0.9) ** 2, 0.4 - v)), who.skin * 0.74)
    area.paint(area.inside(0.98 - v - 0.25 * u + 0.45 * np.maximum(0.45 - u, 0)), area.shot.clothes)


def ear(area: Patch, side: int) -> None:
    """Draw one ear, unless the hair hides it."""
    who = area.who
    bare = 1 - (who.hair_length > 0.1) * who.has_hair
    u, v = side * area.u - who.head_width * 0.98, area.v - 0.03
    area.paint(area.inside(ellipse(u + 0.15 * v, v, 0.075, 0.16)) * bare, who.skin * 0.90)
    area.paint(area.inside(ellipse(u - 0.01, v, 0.032, 0.09)) * (0.5 * bare), who.skin * 0.66)


def head(canvas: Canvas) -> None:
    """Draw neck, ears and the outline of the head, and illuminate it."""
    with canvas.window(-1.4, 0.45, 1.4, 1.4) as area:
        neck(area)
    who, au = canvas.who, canvas.au
    canvas.on_both_sides((0.55, -0.17, 0.82, 0.22), ear)
    chin = who.head_length + 0.11 * au["AU26"] - 0.015 * au["AU17"]
    above = canvas.y < 0
    down = canvas.y / (chin + (0.84 - chin) * above)
    down *= down
    square = down * down
    down += (who.jaw + (0.1 - who.jaw) * above) * (square - down)
    wide = who.head_width * (1 - who.taper * np.maximum(canvas.y, 0))
    reach = np.sqrt((canvas.x / wide) ** 2 + down)
    canvas.cover[...] = canvas.inside((reach - 1) * 0.7)
    canvas.paint(canvas.cover, who.skin)
    _illuminate(canvas)


def _illuminate(canvas: Canvas) -> None:
    """Light the rounded head from one side and above; the backdrop is not affected."""
    who, shot = canvas.who, canvas.shot
    nx, ny = canvas.u * (0.86 / who.head_width), canvas.v * 0.86
    nz = np.sqrt(np.maximum(1 - nx * nx - ny * ny, 0.04))
    lit = np.maximum(nx * shot.light_x + ny * shot.light_y + 0.85 * nz, 0)
    lit *= (1 - shot.ambient) * 1.35
    lit += shot.ambient - 1
    lit += 0.10 * nz - 0.04
    canvas.shade(lit * canvas.cover)


def hair_in_front(canvas: Canvas) -> None:
    """Draw the hair over the forehead with strands, shine and shadow, or the head scarf."""
    who = canvas.who
    x, y = canvas.x - who.hair_part, canvas.y
    temple = (canvas.x / who.head_width) ** 2
    temple *= temple  # squared twice, because NumPy's higher powers are slow
    comb = x / (y + 1.75) * who.strands
    sway = np.sin(y * 9 + x * 5) * (0.5 + 3 * who.curl)
    strand = 0.6 * np.sin(comb * 2 + sway) + 0.4 * np.sin(comb * 4.7 + 2 * sway)
    line = who.hairline + who.hair_slope * canvas.x + who.hair_curve * x * x + 0.8 * temple * temple
    line += who.fringe * strand
    line = np.minimum(line, np.minimum(who.hair_length, 0.0) + 0.10)
    outline = _crown(canvas, canvas.x)
    alpha = canvas.inside(np.maximum(outline, y - line)) * who.has_hair
    fall = bump(((y - line) / 0.16) ** 2) * canvas.cover
    canvas.shade(fall * who.has_hair * -0.17)
    gloss = bump(((y + 0.72 - 0.25 * canvas.x * canvas.x) / 0.24) ** 2) * (0.22 + 0.14 * strand)
    canvas.paint(alpha, who.hair * (1 + 0.06 * strand + gloss - 0.25 * bump((outline / 0.14) ** 2)))
    for part in canvas.only(who.hood):
        _hood(part)


def _hood(canvas: Canvas) -> None:
    who = canvas.who
    face = ellipse(canvas.x, canvas.y - 0.10, who.head_width * 0.93, 0.72 + 0.1 * canvas.au["AU26"])
    over = np.minimum(canvas.y + 0.05, 0) / 0.95
    outer = (np.sqrt((canvas.x / (who.head_width + 0.10)) ** 2 + over * over) - 1) * 0.7
    alpha = canvas.inside(np.maximum(outer, -face))
    canvas.paint(alpha, who.fabric)
    folds = np.sin(face * 40 + 3 * canvas.x)
    canvas.shade(alpha * (0.07 * folds - 0.35 * bump((face / 0.12) ** 2)))


def beard(canvas: Canvas) -> None:
    """Draw a beard along the jaw, from stubble to full; the lips stay free."""
    for part in canvas.only(canvas.who.beard):
        who, au = part.who, part.au
        aside = np.abs(part.u) / who.head_width
        edge = 0.30 + 0.10 * np.cos(aside * 4.2) - 0.4 * np.maximum(aside - 0.6, 0)
        grain = np.sin(part.u * 97 + 4 * np.sin(part.v * 31)) * np.sin(part.v * 83 + 4 * np.sin(part.u * 37))
        fade = clip01((part.v - edge) * 7)
        chin = part.v - who.mouth_y - 0.14 * au["AU26"]
        fade *= 1 - 0.9 * bump((part.u / 0.33) ** 2 + (chin / 0.13) ** 2)
        part.paint(fade * part.cover * who.beard * (0.80 + 0.15 * grain), who.hair * 0.85)


def glasses(canvas: Canvas) -> None:
    """Draw glasses: two rims, a bridge, and a gleam."""
    for wearers in canvas.only(canvas.who.glasses):
        with wearers.window(-0.75, -0.32, 0.75, 0.20) as area:
            _rims(area)


def _rims(area: Patch) -> None:
    who = area.who
    u, v = np.abs(area.u), area.v - who.eye_y - 0.02
    rim = ellipse(u - who.eye_x, v, who.lens + 0.02, who.lens * 0.86)
    area.paint(area.inside(rim) * 0.10, 1.0)
    gleam = hill(u - who.eye_x - 0.05 + 0.5 * v, v + 0.07, 0.05, 0.12) * area.inside(rim)
    area.paint(gleam * 0.25, 1.0)
    wide = 0.032
    area.paint(area.stroke(rim, wide), who.frame)
    bridge = np.maximum(np.abs(v + 0.05 - 0.25 * u * u) - wide / 2, u - who.eye_x + who.lens)
    temple = np.maximum(np.abs(v + 0.04) - wide / 2, who.eye_x + who.lens - u)
    temple = np.maximum(temple, u - who.head_width)
    area.paint(area.inside(np.minimum(bridge, temple)), who.frame)


def occlusion(canvas: Canvas) -> None:
    """Draw the occlusion of some faces: a hand, a mask over mouth and nose, or sunglasses."""
    for kind, draw in zip(OCCLUSIONS[1:], (_hand, _mask, _sunglasses), strict=True):
        for part in canvas.only(canvas.shot.occlusion == OCCLUSIONS.index(kind)):
            draw(part)


def _hand(canvas: Canvas) -> None:
    """Draw four fingers over the lower face from one side."""
    shot, who = canvas.shot, canvas.who
    for finger in range(4):
        root = (shot.hand_x * 0.5 + 0.14 * (finger - 1.5), np.float32(1.25))
        tip = (
            shot.hand_x + 0.15 * (finger - 1.5) + 0.25 * shot.hand_turn,
            0.46 - 0.05 * np.float32((0, 1, 1.3, 0.6)[finger]),
        )
        across, along = segment(canvas.u, canvas.v, root, tip)
        end = np.maximum(along - 1, 0) * 0.4
        shape = np.sqrt(across * across + end * end) - 0.072
        alpha = canvas.inside(shape)
        canvas.paint(alpha, who.skin * 0.97)
        canvas.shade(alpha * (-canvas.light + 0.98 - 0.30 * np.maximum(shape / 0.072 + 0.6, 0)))
        nail = ellipse(across, along - 0.93, 0.035, 0.07)
        canvas.paint(canvas.inside(nail) * 0.35, np.float32(0.95))


def _mask(canvas: Canvas) -> None:
    u, v = canvas.u, canvas.v
    top = 0.10 + 0.45 * u * u
    shape = np.maximum(top - v, np.abs(u) - canvas.who.head_width * (1.02 - 0.35 * np.maximum(v - 0.3, 0)))
    shape = np.maximum(shape, v - canvas.who.head_length - 0.02 - 0.09 * canvas.au["AU26"] + 0.5 * u * u)
    alpha = canvas.inside(shape)
    canvas.paint(alpha, canvas.shot.cloth)
    canvas.shade(alpha * (0.95 - canvas.light + 0.05 * np.sin(v * 34 + 6 * u * u) - 0.25 * u * u))


def _sunglasses(canvas: Canvas) -> None:
    who = canvas.who
    u, v = np.abs(canvas.u), canvas.v - who.eye_y - 0.03
    lens = ellipse(u - who.eye_x, v - 0.10 * (u - who.eye_x), who.lens + 0.05, who.lens * 0.85)
    bar = np.maximum(np.abs(v + 0.06) - 0.022, u - who.head_width)
    alpha = canvas.inside(np.minimum(lens, bar))
    canvas.paint(alpha, np.float32(0.09))
    canvas.paint(
        canvas.inside(lens) * hill(u - who.eye_x + 0.06 - 0.4 * v, v + 0.06, 0.08, 0.14) * 0.35, np.float32(0.9)
    )
