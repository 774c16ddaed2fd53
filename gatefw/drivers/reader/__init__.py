"""The camera and the decoders: a worker process of its own turns frames into scans, and nothing else leaves it."""
