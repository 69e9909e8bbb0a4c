"""Frames of a log-mel front-end in other software; each function imports its own, so that the others may be missing."""

from collections.abc import Callable
from typing import Any

import numpy as np

Call = Callable[[], Any]


def kaldi_second() -> Call:
    """One second of audio in reads of 10 ms: 100 frames."""
    import kaldi_native_fbank as knf

    options = knf.FbankOptions()
    options.frame_opts.dither = 0
    options.mel_opts.num_bins = 64
    samples = np.random.uniform(-0.5, 0.5, 16000).astype(np.float32)

    def second() -> None:
        bank = knf.OnlineFbank(options)
        for start in range(0, len(samples), 160):
            bank.accept_waveform(16000, samples[start : start + 160].tolist())

    return second


def torchaudio_frames(seconds: int) -> Call:
    """So many seconds of audio at once, 100 frames each: torchaudio has no streams."""
    import torch
    import torchaudio

    mel = torchaudio.transforms.MelSpectrogram(16000, n_fft=512, win_length=400, hop_length=160, n_mels=64)
    samples = torch.from_numpy(np.random.uniform(-0.5, 0.5, seconds * 16000).astype(np.float32))

    def frames() -> Any:
        with torch.inference_mode():
            return torch.log(mel(samples) + 1e-3)

    return frames


def librosa_minute() -> Call:
    """One minute of audio at once: 6000 frames."""
    import librosa

    samples = np.random.uniform(-0.5, 0.5, 60 * 16000).astype(np.float32)

    def minute() -> Any:
        mel = librosa.feature.melspectrogram(y=samples, sr=16000, n_fft=512, hop_length=160, win_length=400, n_mels=64)
        return np.log(mel + 1e-3)

    return minute
