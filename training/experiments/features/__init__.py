"""The experiment on published streams of features: GTZAN's tags, AudioSet's VGGish features, its strong labels.

Every attention system is trained from softmax weights, and from scratch, with `classifier-training`'s own code; a run
is one JSON file. `scripts/experiment` is the front door.
"""
