"""What an agent thinks with: model client, tool loop, OODA loop, scripted model."""
