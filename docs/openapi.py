"""Writes the description of the HTTP interface to standard output; `make web` makes types of it."""

from __future__ import annotations

import json
import sys

from hubbub.gateway.app import create_app

json.dump(create_app().openapi(), sys.stdout, indent=1, sort_keys=True)
