"""From scored samples to preference pairs.

`criteria`, `measuring`, `judging`, `own_preference` and `gold` give candidates their numbers, each
a stage; `preference`, `pairs` and `rules` are pure functions of them; `run` writes the pairs.
"""
