"""From a symptom to a scenario that shows it."""
