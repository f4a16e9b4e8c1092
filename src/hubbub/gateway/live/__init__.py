"""One socket a page: what happens on the mesh, in frames, for whoever may see it."""
