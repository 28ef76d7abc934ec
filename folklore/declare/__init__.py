"""What is asked: experiments, recipes, hypotheses, metrics. Nothing here imports Keras."""
