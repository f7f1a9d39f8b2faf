"""The absorb stage: continued pre-training on the corpus's own documents before the first round.

`texts` chooses and formats the texts, `tokens` makes tokens and labels of them, and `run` trains in
a child process.
"""
