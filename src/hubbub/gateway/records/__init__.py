"""What travels over HTTP: its records, and how they are made of what the mesh keeps."""
