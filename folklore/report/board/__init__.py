"""TensorBoard on experiments: a tab of verdicts and bands, means over seeds, or the runs of single seeds."""
