"""What a person reads on the terminal when becaused had to cut something, against the record of it."""

import re

from waiting import check


def says_why(shown, front, method, path, sentence, told):
    """The terminal shows the because-sentence, whether to try again, and the id of the very record, which
    says that the client was told so."""
    record = front.until_exchange(method, path, told=told)
    text = re.sub(r"\s+", " ", shown.text())
    found = re.search(r"becaused: (.*?) \(record ([0-9a-f]{8}-[0-9]+)\)", text)
    check(found, lambda: f"the reason is not shown: {shown}")
    check(re.search(sentence, found.group(1)), lambda: f"should say {sentence!r}: {shown}")
    check(found.group(1).startswith(record["because"]), lambda: f"{record['because']!r}: {shown}")
    check("try again" in found.group(1), lambda: f"not whether to try again: {shown}")
    check(found.group(2) == record["id"], lambda: f"another record than {record['id']}: {shown}")
    return record
