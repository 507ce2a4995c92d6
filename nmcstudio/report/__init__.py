"""Data beside model: the comparisons of the paper's validation, their figures and the HTML report."""
