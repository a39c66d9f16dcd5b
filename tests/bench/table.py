"""Turns runs into medians, ratios, a table for people and a JSON for programs."""

import statistics

from rows import ALONE, COMPARED, IDLE


def spread(values):
    return {"median": statistics.median(values), "min": min(values), "max": max(values),
            "each": values}


class Cell:
    """One proxy in one row: its runs, or why there are none."""

    def __init__(self, row, name):
        self.row = row
        self.name = name
        self.runs = []
        self.failure = None

    @property
    def costs(self):
        return [self.row.cost(run) for run in self.runs]

    def typical(self):
        """The run with the median cost: its other figures belong together."""
        return sorted(self.runs, key=self.row.cost)[(len(self.runs) - 1) // 2]

    def as_json(self):
        if self.failure or not self.runs:
            return {"failure": self.failure or "not run"}
        return {"cost": spread(self.costs),
                "cpu_seconds": spread([run.cpu_seconds for run in self.runs]),
                "proxy_busy": spread([run.cpu_seconds / run.wall_seconds for run in self.runs]),
                "harness_busy": spread([run.harness_cpu_seconds / run.wall_seconds
                                        for run in self.runs]),
                "groups": [run.groups for run in self.runs]}


def ratio(ours, theirs):
    """Ours to theirs, as the median over rounds: what drifts between rounds falls out."""
    pairs = [mine / other for mine, other in zip(ours.costs, theirs.costs) if other > 0]
    if ours.failure or theirs.failure or not pairs:
        return None
    return spread(pairs)


def number(value):
    return f"{value:.3f}" if abs(value) < 1 else f"{value:.2f}" if value < 100 else f"{value:,.0f}"


def ratio_text(found):
    return "-" if found is None else f"{found['median']:.2f}"


def head(row):
    throughput = ("+p50 +p99 +p99.9 us" if row.unit in COMPARED
                  else "the whole proxy" if row.unit == IDLE else "throughput")
    return (f"  {'':12} {'median':>8} {'min..max':>17} {throughput:>22} {'p50 us':>8} {'p99 us':>8} "
            f"{'proxy':>6} {'load':>5} {'ours/it':>8}")


def line(cell, ours):
    if cell.failure:
        return f"  {cell.name:12} FAILED: {cell.failure}"
    costs, run = cell.costs, cell.typical()
    between = f"{number(min(costs))}..{number(max(costs))}"
    against = "" if ours in (None, cell) else ratio_text(ratio(ours, cell))
    if cell.row.unit in ALONE:
        return (f"  {cell.name:12} {number(statistics.median(costs)):>8} {between:>17} "
                f"{cell.row.throughput(run):>22} {'':>30} {against:>8}")
    latency = run.judged["latency_us"]
    return (f"  {cell.name:12} {number(statistics.median(costs)):>8} {between:>17} "
            f"{cell.row.throughput(run):>22} {latency['p50']:>8,.0f} {latency['p99']:>8,.0f} "
            f"{100 * run.cpu_seconds / run.wall_seconds:>5.0f}% "
            f"{100 * run.harness_cpu_seconds / run.wall_seconds:>4.0f}% {against:>8}")


def row_text(row, cells, ours_name):
    """A row's block: one line for each proxy."""
    ours = cells.get(ours_name)
    title = f"{row.title}, {row.upstream} upstream [{row.key}]"
    lines = [f"{title}: {row.unit}", head(row)] + [line(cell, ours) for cell in cells.values()]
    return "\n".join(lines) + "\n"


def summary_text(rows, results, ours_name, names):
    """Ours to each peer, a line for each row; empty when ours was not measured."""
    peers = [name for name in names if name != ours_name]
    if ours_name not in names or not peers:
        return ""
    lines = [f"{ours_name} to each, by median (below 1: {ours_name} costs less)",
             f"  {'':14}" + "".join(f"{peer:>12}" for peer in peers) + f"{ours_name:>14}"]
    for row in rows:
        if row.variants:
            continue
        cells = results[row.key]
        found = [ratio_text(ratio(cells[ours_name], cells[peer])) for peer in peers]
        mine = cells[ours_name]
        own = "-" if mine.failure else number(statistics.median(mine.costs))
        lines.append(f"  {row.key:14}" + "".join(f"{text:>12}" for text in found)
                     + f"{own:>14} {row.unit}")
    return "\n".join(lines) + "\n"


def differences_text(values):
    """Their median; in brackets the middle half of them."""
    if len(values) < 4:
        return f"{statistics.median(values):+.2f}"
    lower, median, upper = statistics.quantiles(values, n=4, method="inclusive")
    return f"{median:+.2f} [{lower:+.2f}..{upper:+.2f}]"


def variants_text(rows, results, ours_name):
    """What each variant of becaused costs more, a request, round by round."""
    lines = []
    for row in rows:
        cells = results[row.key]
        for name in row.variants:
            found = ratio(cells[name], cells[ours_name])
            if found is None:
                continue
            more = [theirs - mine
                    for theirs, mine in zip(cells[name].costs, cells[ours_name].costs)]
            lines.append(f"{row.key}: {name}: {differences_text(more)} us a request "
                         f"({found['median']:.3f} of {ours_name}'s)")
    return "\n".join(lines) + "\n" if lines else ""


def as_json(rows, results, ours_name):
    return [{"key": row.key, "title": row.title, "upstream": row.upstream, "unit": row.unit,
             "groups": row.groups,
             "proxies": {name: cell.as_json() for name, cell in results[row.key].items()},
             "ratios": {name: ratio(results[row.key][ours_name], cell)
                        for name, cell in results[row.key].items()
                        if ours_name in results[row.key] and name != ours_name}}
            for row in rows]
