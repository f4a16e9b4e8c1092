"""What people do on the mesh: the same by REST, by the live socket and by chat."""
