"""Storage engines that shops really use, run unmodified: what a power cut and a full volume leave of their records."""
