"""A picture of the ratios, ours to each peer: one SVG that needs nothing else.

A dot left of the line at 1: becaused costs less. The scale is logarithmic, so that half and twice lie
equally far from the line; what lies beyond its ends is drawn there, as an arrow with its number.
"""

import math
import statistics
from html import escape

import table

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
LEFT, WIDTH, RIGHT, LINE, TOP = 470, 480, 190, 26, 92
LOWEST, HIGHEST = 1 / 16, 4  # of the scale
MARKS = (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1, 2, 4)


def x_of(value):
    clamped = min(max(value, LOWEST), HIGHEST)
    return LEFT + WIDTH * math.log(clamped / LOWEST) / math.log(HIGHEST / LOWEST)


def mark_text(value):
    return f"{value:g}" if value >= 1 else f"1/{1 / value:g}"


def text(x, y, words, anchor="start", more=""):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" {more}>{escape(words)}</text>'


def grid(bottom):
    parts = []
    for mark in MARKS:
        strong = 'stroke="#333" stroke-width="1.5"' if mark == 1 else 'stroke="#ddd"'
        parts.append(f'<line x1="{x_of(mark):.1f}" y1="{TOP}" x2="{x_of(mark):.1f}" y2="{bottom}" '
                     f'{strong}/>')
        parts.append(text(x_of(mark), TOP - 6, mark_text(mark), "middle", 'fill="#555"'))
    return parts


def dot(value, y, colour, name):
    title = f"<title>{escape(name)}: {value:.2f}</title>"
    x = x_of(value)
    if LOWEST <= value <= HIGHEST:
        return f'<circle cx="{x:.1f}" cy="{y}" r="6" fill="{colour}">{title}</circle>'
    way = -1 if value < LOWEST else 1
    arrow = f"M{x + 8 * way:.1f},{y} l{-10 * way},-6 l0,12 z"
    return (f'<path d="{arrow}" fill="{colour}">{title}</path>'
            + text(x - 8 * way, y + 4, f"{value:.2g}", "end" if way > 0 else "start",
                   f'fill="{colour}"'))


def row_parts(row, cells, y, ours_name, colours):
    parts = [f'<line x1="20" y1="{y + LINE / 2}" x2="{LEFT + WIDTH + RIGHT - 20}" '
             f'y2="{y + LINE / 2}" stroke="#f0f0f0"/>']
    where = ", unix upstream" if row.upstream == "unix" else ""
    parts.append(text(LEFT - 14, y + 4, row.title + where, "end"))
    ours = cells[ours_name]
    own = "failed" if ours.failure else f"{table.number(statistics.median(ours.costs))} {row.unit}"
    parts.append(text(LEFT + WIDTH + 14, y + 4, own, more='fill="#555"'))
    for name, colour in colours.items():
        found = table.ratio(ours, cells[name])
        if found is not None:
            parts.append(dot(found["median"], y, colour, name))
    return parts


def legend(colours):
    parts, x = [], LEFT
    for name, colour in colours.items():
        parts.append(f'<circle cx="{x + 6}" cy="50" r="6" fill="{colour}"/>')
        parts.append(text(x + 17, 54, name))
        x += 40 + 9 * len(name)
    return parts


def svg(rows, results, ours_name, peers, result):
    """Empty of dots where nothing was measured beside ours."""
    drawn = [row for row in rows if not row.variants and ours_name in results[row.key]]
    colours = dict(zip(peers, COLOURS))
    bottom = TOP + LINE * len(drawn)
    width, height = LEFT + WIDTH + RIGHT, bottom + 44
    versions = "; ".join(result["measured"].values())
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
             f'width="{width}" height="{height}" font-family="sans-serif" font-size="13">',
             '<rect width="100%" height="100%" fill="white"/>',
             text(20, 28, f"What {ours_name} costs, as a ratio to each peer",
                  more='font-size="18" font-weight="bold"'),
             text(20, 54, f"left of 1: {ours_name} costs less; on the right: its own figure",
                  more='fill="#555"'),
             *legend(colours), *grid(bottom)]
    for place, row in enumerate(drawn):
        parts += row_parts(row, results[row.key], TOP + LINE * (place + 0.5), ours_name, colours)
    parts.append(text(20, height - 18, f"{versions}; {result['machine']['cpu']}, {result['at']}",
                      more='fill="#777" font-size="11"'))
    return "\n".join(parts + ["</svg>"]) + "\n"
