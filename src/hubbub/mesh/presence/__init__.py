"""Who is there: signs of life, cards, departures."""
