"""Descriptions of a network: its layers, receptive fields, and a diagram."""
