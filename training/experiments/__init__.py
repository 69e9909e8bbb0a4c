"""The retention experiment: what low-rank attention keeps of exact attention's accuracy, and what it saves.

Every attention system of docs/numerics.md is trained on the same streams, in the same shape, with the same budget;
`docs/results.md` is written from what they reached. `scripts/experiment` is the front door.
"""
