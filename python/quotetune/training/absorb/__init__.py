"""The absorb stage: continued pre-training on the corpus's own documents before the first round.

`texts` chooses and words what is learned, `tokens` makes its labels, `run` trains in a child.
"""
