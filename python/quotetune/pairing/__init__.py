"""From samples to preference pairs.

`gold`, `scoring`, `measuring` and `judging` are the stages that write what is known of candidates.
`own_preference` calls the user's functions. `preference`, `pairs`, `constraints`, `rules` and
`cross_prompt` are pure functions, and `run` writes the pairs.
"""
