"""The guard's file: what each figure was when it was checked in, and how far over it may go.

    made-with  COMPILER AND LIBRARIES
    SCENARIO   MEASURE   FIGURE   MARGIN        (5%: of the figure; 0.05: as much again)
"""

import os
from dataclasses import dataclass

from processes import UsageError

PATH = os.path.join(os.path.dirname(os.path.realpath(__file__)), "guard.txt")
# In place of a line's own margin, where another compiler or other libraries than the file's are at work.
STRANGE_MARGIN = 0.30


@dataclass
class Figure:
    value: float
    margin: str

    def most(self, strange):
        if not self.margin.endswith("%"):
            return self.value + float(self.margin)
        part = float(self.margin[:-1]) / 100
        return self.value * (1 + (max(part, STRANGE_MARGIN) if strange else part))

    def could_be_lower(self, measured):
        """Better by more than the margin: worth checking in, or the next loss hides behind it."""
        if not self.margin.endswith("%"):
            return measured < self.value - float(self.margin)
        return measured < self.value * (1 - float(self.margin[:-1]) / 100)

    def too_good(self, measured):
        """Half of it gone at once: more likely the count has lost sight of it."""
        return self.value >= 1 and measured < self.value / 2


class Figures:
    def __init__(self, lines):
        self.lines = lines
        self.made_with = ""
        self.by_name = {}
        for number, line in enumerate(lines, 1):
            words = line.split("#")[0].split()
            if words[:1] == ["made-with"]:
                self.made_with = " ".join(words[1:])
            elif words:
                self.by_name[tuple(words[:2])] = self.read(words, number)

    @staticmethod
    def read(words, number):
        try:
            _, _, value, margin = words
            figure = Figure(float(value.replace(",", "")), margin)
            figure.most(strange=False)
            return figure
        except ValueError:
            raise UsageError(f"{os.path.relpath(PATH)}:{number}: not SCENARIO MEASURE FIGURE MARGIN"
                             ) from None

    @classmethod
    def load(cls):
        with open(PATH) as lines:
            return cls(lines.read().splitlines())

    def save(self, measured, made_with):
        """Writes what was measured in place of what the file has; margins and notes stay."""
        out = []
        for line in self.lines:
            words = line.split()
            if words[:1] == ["made-with"]:
                line = f"made-with  {made_with}"
            elif tuple(words[:2]) in measured:
                value = text(measured[tuple(words[:2])])
                line = f"{words[0]:14}{words[1]:20}{value:>12}  {' '.join(words[3:])}"
            out.append(line)
        with open(PATH, "w") as file:
            file.write("\n".join(out) + "\n")


def text(value):
    return f"{value:,.0f}" if value >= 1000 else f"{value:.2f}"
