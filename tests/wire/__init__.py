"""Tests of the wire layer: pure, without a server."""
