"""Trains streaming audio classifiers for audio-classifierd.

The way through the package is that of the data: `dataset` lists clips and splits them, `store` has them
decoded, `compose` makes running audio out of them and `targets` says what to expect of it, `feed` turns it
into features, `model` is the network, `landmarks` makes its attention low-rank, `trainer` fits it, `export`
writes the model directory and `evaluate` measures it. Decoding and features are always those of the program
itself (`program`).
"""
