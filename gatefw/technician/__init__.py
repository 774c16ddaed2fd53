"""What technicians and the venue's staff use: commands that set up, check and explain a gate."""
