"""Asks the OASIS validator about STIX objects: one JSON object a line in, one verdict a line out.

Only what STIX 2.1 says with MUST counts (`strict=False`). A crash of the validator is a verdict of its
own. The network is closed first, so that a verdict cannot depend on it.
"""

import io
import json
import logging
import socket
import sys


def no_network(*_args, **_kwargs):
    raise OSError("no network in this test")


socket.socket.connect = no_network
socket.create_connection = no_network
socket.getaddrinfo = no_network

from stix2validator import ValidationOptions, validate_instance  # noqa: E402


def verdict(line):
    try:
        result = validate_instance(json.loads(line), ValidationOptions(strict=False, version="2.1"))
    except Exception as crash:  # noqa: BLE001 the crash is the answer
        return {"valid": False, "errors": [f"crash: {type(crash).__name__}: {crash}"]}
    return {"valid": bool(result.is_valid), "errors": [str(error) for error in result.errors]}


def main():
    logging.disable(logging.CRITICAL)
    answers = sys.stdout
    sys.stdout = io.StringIO()  # the validator prints remarks of its own
    for line in sys.stdin:
        answers.write(json.dumps(verdict(line)) + "\n")


main()
