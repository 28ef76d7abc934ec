"""Output for people: text, tables, plots, HTML pages and TensorBoard."""
