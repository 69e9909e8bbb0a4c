"""Trains streaming audio classifiers for audio-classifierd.

The modules in the order of the data: `gather` makes a folder from the sources of a recipe, `dataset` lists clips and
splits them, `store` holds them decoded, `compose` makes running audio of them, `targets` labels it, `feed` passes its
features to the training. `model` is the network, `landmarks` makes its attention low-rank, `trainer` fits it, `export`
writes the model directory, and `evaluate` measures it. The program itself decodes and computes features (`program`).
"""
