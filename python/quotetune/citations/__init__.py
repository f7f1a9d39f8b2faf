"""Responses that end with the ids of the documents they quote.

`form` puts ids behind texts and reads them back, `tokens` does so for tokens, and `ids` knows those
of a corpus. `pairs` is what the training learns; `uncited`, `decoding` and `accuracy` measure.
"""
