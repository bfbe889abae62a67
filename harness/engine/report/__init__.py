"""What a report shows, gathered from what sweeps, gates, runs and bundles leave. How it looks is ``reporters.html``'s."""
