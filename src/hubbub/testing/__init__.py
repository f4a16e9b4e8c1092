"""A kit for tests of programs that use Hubbub."""
