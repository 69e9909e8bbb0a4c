"""The retention experiment: the accuracy and the cost of low-rank attention, compared with exact attention.

Every attention system of docs/numerics.md is trained on the same streams, in the same shape, with the same budget;
`docs/results.md` is written from their results. `scripts/experiment` is the front door.
"""
