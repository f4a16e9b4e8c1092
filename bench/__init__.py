"""Hubbub measured against the bare NATS client, in the same run on the same server.

    python -m bench [--quick] [--only GROUP ...] [--json FILE]

`docs/benchmarks.md` says what each row means.
"""
