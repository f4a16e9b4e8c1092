"""The routes, one room for each thing that they are about."""
