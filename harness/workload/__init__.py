"""Trading days: merchants, arrivals, customers, and the people who work the terminal."""
