"""The mesh over HTTP, for people and programs (DESIGN section 9). Needs the extra `gateway`."""
