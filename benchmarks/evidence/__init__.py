"""How often do the rules of evidence mislead? By the suite's own functions, where the truth is known."""
