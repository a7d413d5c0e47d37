#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# openapi.py BUS NPM_PACKAGES FILE.api...: what `bus gen openapi` prints of
# each file, against the public schema of OpenAPI 3.1 documents, which is in a
# package below the folder that the program NPM_PACKAGES names; the schemas
# inside against JSON Schema's own; each reference leads somewhere, each
# operation has an id of its own and declares the parameters that its path has.
import json
import re
import subprocess
import sys

import jsonschema


SCHEMA = "@seriousme/openapi-schema-validator/schemas/v3.1/schema.json"
SKIPPED = 77


def walk(value, path=""):
    """Every dict in value with its JSON pointer."""
    if isinstance(value, dict):
        yield path, value
        for key, item in value.items():
            yield from walk(item, f"{path}/{key}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from walk(item, f"{path}/{index}")


def leads_somewhere(document, reference):
    at = document
    for step in reference.removeprefix("#/").split("/"):
        if not isinstance(at, dict) or step not in at:
            return False
        at = at[step]
    return True


def check_schemas(document):
    schemas = list(document.get("components", {}).get("schemas", {}).values())
    schemas += [at["schema"] for _, at in walk(document) if "schema" in at]
    for schema in schemas:
        jsonschema.Draft202012Validator.check_schema(schema)
    return len(schemas)


def check_references(document):
    for path, at in walk(document):
        reference = at.get("$ref")
        if isinstance(reference, str):
            assert leads_somewhere(document, reference), (path, reference)


def check_operations(document):
    ids = []
    for path, item in document["paths"].items():
        for verb, operation in item.items():
            ids.append(operation["operationId"])
            declared = {p["name"] for p in operation.get("parameters", [])
                        if p["in"] == "path"}
            wanted = set(re.findall(r"{([^}]+)}", path))
            assert declared == wanted, (verb, path, declared, wanted)
    assert len(ids) == len(set(ids)), ids
    return len(ids)


def check_security(document):
    known = set(document.get("components", {}).get("securitySchemes", {}))
    for _, at in walk(document.get("paths", {})):
        for requirement in at.get("security", []):
            assert set(requirement) <= known, (requirement, known)


def read_schema(packages):
    folder = subprocess.run([packages], check=True, text=True,
                            stdout=subprocess.PIPE).stdout.strip()
    try:
        with open(f"{folder}/{SCHEMA}", encoding="utf-8") as file:
            return json.load(file)
    except FileNotFoundError as error:
        print(f"{error}: run ops/setup where npm can be reached")
        sys.exit(SKIPPED)


def main():
    bus, packages, files = sys.argv[1], sys.argv[2], sys.argv[3:]
    validator = jsonschema.Draft202012Validator(read_schema(packages))
    # A validator that accepts anything would prove nothing.
    assert list(validator.iter_errors({"openapi": "3.1.0", "info": {}}))
    assert files
    for path in files:
        text = subprocess.run([bus, "gen", "openapi", path], check=True,
                              stdout=subprocess.PIPE).stdout
        document = json.loads(text)
        errors = [f"{path}: {error.json_path}: {error.message}"
                  for error in validator.iter_errors(document)]
        if errors:
            sys.exit("\n".join(errors))
        schemas = check_schemas(document)
        check_references(document)
        check_security(document)
        operations = check_operations(document)
        print(f"{path}: {operations} operations, {schemas} schemas")


main()
