"""Responses that end with the ids of the documents they quote.

`form` puts ids after texts and reads them back, `tokens` does the same for tokens, and `ids` finds
those of a corpus. `pairs` makes the pairs that training learns from. `uncited` takes ids off
samples, `decoding` continues responses with ids of the corpus only, and `accuracy` measures.
"""
