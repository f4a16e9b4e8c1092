"""Asking and answering while somebody waits."""
