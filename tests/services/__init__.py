"""Services, spoken to by the real SDK."""
