"""The schema of records (src/ledger/record.schema.json) and what breaks it, judged by jsonschema."""

import json
import os

import jsonschema

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PATH = os.path.join(ROOT, "src", "ledger", "record.schema.json")


class Schema:
    def __init__(self, path=PATH):
        with open(path, encoding="utf-8") as source:
            schema = json.load(source)
        kind = jsonschema.validators.validator_for(schema)
        kind.check_schema(schema)
        self.validator = kind(schema)
        self.reasons = set(schema["$defs"]["reason"]["enum"])
        self.events = {each["properties"]["event"]["const"] for each in schema["oneOf"]}

    def holds(self, record):
        return self.validator.is_valid(record)

    def problems(self, record):
        """What is wrong with a record, in words: of the alternative that it meant to be."""
        found = []
        for problem in self.validator.iter_errors(record):
            inner = [each for each in problem.context or () if not self.of_another_event(each)]
            found += [f"{'.'.join(map(str, each.absolute_path)) or 'the record'}: {each.message}"
                      for each in inner or [problem]]
        return found

    def of_another_event(self, problem):
        """An alternative that asks for another event says nothing about this record."""
        branch = problem.schema_path[0]
        return any(each.schema_path[0] == branch and list(each.absolute_path) == ["event"]
                   for each in problem.parent.context)
