#!/usr/bin/env python3
"""Writes the reference vectors of the log-mel front-end, and checks docs/model-format.md against other libraries.

    pip install -r scripts/reference-requirements.txt
    python3 scripts/make-reference-vectors.py        # writes to Tests/AudioFrontendTests/Resources/

Every case has CASE.json (front-end, signal, reference, tolerance in units of the natural logarithm),
CASE.definition.npy (as docs/model-format.md defines it, in float64) and, where there is another implementation,
CASE.npy (its output). The script fails where the two differ by more than the tolerance.
"""

import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

import kaldi_native_fbank as knf
import librosa
import numpy as np
import scipy.signal
import torch
import torchaudio
from numpy.typing import NDArray

Array = NDArray[Any]
Frontend = dict[str, Any]
Case = tuple[str, Frontend, str, str, Array | None]  # name, front-end, signal, package, its output
RESOURCES = Path(__file__).resolve().parent.parent / "Tests" / "AudioFrontendTests" / "Resources"
PER_LN = {"ln": 1.0, "log10": 1 / np.log(10), "decibel": 10 / np.log(10)}  # one unit of ln in units of `log`
KEYS = (
    "sample_rate window window_length hop fft_length spectrum bands low_hz high_hz mel_scale mel_shape mel_norm log "
    "log_offset log_floor sample_scale remove_dc preemphasis center"
).split()


def frontend_of(*values: Any) -> Frontend:
    return dict(zip(KEYS, values, strict=True))


# The front-end recipes as their sources define them. They are independent of the program, because they check it.
# fmt: off
RECIPES = {
    "yamnet": frontend_of(16000, "hann", 400, 160, 512, "magnitude", 64, 125, 7500, "htk", "mel", "none", "ln",
                          0.001, 0, 1, False, 0, False),
    "kaldi": frontend_of(16000, "povey", 400, 160, 512, "power", 80, 20, 8000, "htk", "mel", "none", "ln",
                         0, 1.1920929e-07, 32768, True, 0.97, False),
    "librosa": frontend_of(22050, "hann", 2048, 512, 2048, "power", 128, 0, 11025, "slaney", "hertz", "slaney",
                           "decibel", 0, 1e-10, 1, False, 0, True),
}
# fmt: on
RECIPES["vggish"] = {**RECIPES["yamnet"], "log_offset": 0.01}


def definition(samples: Array, frontend: Frontend) -> Array:
    """The front-end as docs/model-format.md defines it: (frames, bands) in float64."""
    c = {**RECIPES.get(frontend["recipe"], {}), **frontend}
    # A frame is window_length samples; with `center` those in the middle of fft_length ones.
    length, size = c["window_length"], c["fft_length"]
    x, span, start = samples.astype(np.float64) * c["sample_scale"], length, 0
    if c["center"]:
        x, span, start = np.pad(x, size // 2), size, (size - length) // 2
    first = np.arange(0, len(x) - span + 1, c["hop"]) + start
    frames = x[first[:, None] + np.arange(length)]
    if c["remove_dc"]:
        frames = frames - frames.mean(axis=1, keepdims=True)
    frames = frames - c["preemphasis"] * np.concatenate([frames[:, :1], frames[:, :-1]], axis=1)
    spectrum = np.abs(np.fft.rfft(frames * window(c["window"], length), size)) ** (2 if c["spectrum"] == "power" else 1)
    # Triangle b rises from points[b] to 1 at points[b + 1] and falls to points[b + 2]; they are equidistant in mel.
    outer = to_mel(np.array([c["low_hz"], c["high_hz"]]), c["mel_scale"])
    points = np.linspace(outer[0], outer[1], c["bands"] + 2)
    edges, hertz = to_hertz(points, c["mel_scale"]), np.arange(size // 2 + 1) * c["sample_rate"] / size
    at, knots = (to_mel(hertz, c["mel_scale"]), points) if c["mel_shape"] == "mel" else (hertz, edges)
    low, peak, high = (knots[i : i + c["bands"], None] for i in range(3))
    weights = np.maximum(0, np.minimum((at - low) / (peak - low), (high - at) / (high - peak)))
    weights[:, [0, -1] if c["mel_shape"] == "mel" else [0]] = 0
    weights *= (2 / (edges[2:] - edges[:-2]))[:, None] if c["mel_norm"] == "slaney" else 1
    return np.log(np.maximum(spectrum @ weights.T, c["log_floor"]) + c["log_offset"]) * PER_LN[c["log"]]


def window(name: str, length: int) -> Array:
    """Symmetric windows (and Povey's) have the period length - 1, all others the period length."""
    t = 2 * np.pi * np.arange(length) / (length - 1 if name.endswith("-symmetric") or name == "povey" else length)
    return {
        "hann": 0.5 - 0.5 * np.cos(t),
        "hamming": 0.54 - 0.46 * np.cos(t),
        "povey": (0.5 - 0.5 * np.cos(t)) ** 0.85,
        "blackman": 0.42 - 0.5 * np.cos(t) + 0.08 * np.cos(2 * t),
        "rectangular": np.ones(length),
    }[name.removesuffix("-symmetric")]


def to_mel(hertz: Array, scale: str) -> Array:
    if scale == "htk":
        return 2595 * np.log10(1 + hertz / 700)
    return np.where(hertz < 1000, hertz * 3 / 200, 15 + 27 * np.log(np.maximum(hertz, 1000) / 1000) / np.log(6.4))


def to_hertz(mel: Array, scale: str) -> Array:
    if scale == "htk":
        return 700 * (10 ** (mel / 2595) - 1)
    return np.where(mel < 15, mel * 200 / 3, 1000 * np.exp((np.maximum(mel, 15) - 15) * np.log(6.4) / 27))


def audioset(samples: Array, offset: float, taper: Array | None = None) -> Array:
    """The log-mel of YAMNet and VGGish, band by band and with a plain DFT: shares no code with `definition`."""
    taper = 0.5 - 0.5 * np.cos(2 * np.pi / 400 * np.arange(400)) if taper is None else taper
    dft = np.exp(-2j * np.pi / 512 * np.outer(np.arange(400), np.arange(257)))
    frames = np.stack([samples[i : i + 400] for i in range(0, len(samples) - 399, 160)])
    bins, outer = (1127 * np.log(1 + hertz / 700) for hertz in (np.linspace(0, 8000, 257), np.array([125, 7500])))
    edges = np.linspace(outer[0], outer[1], 66)
    mel = np.stack(
        [
            np.maximum(0, np.minimum((bins - left) / (middle - left), (right - bins) / (right - middle)))
            for left, middle, right in zip(edges[:-2], edges[1:-1], edges[2:], strict=True)
        ]
    )
    mel[:, 0] = 0
    return np.log(np.abs((frames * taper) @ dft) @ mel.T + offset)


def kaldi(samples: Array) -> Array:
    options = knf.FbankOptions()
    options.frame_opts.dither, options.frame_opts.snip_edges = 0, True  # floor: FLT_EPSILON
    options.mel_opts.num_bins, options.mel_opts.low_freq, options.mel_opts.high_freq = 80, 20, 8000
    bank = knf.OnlineFbank(options)
    bank.accept_waveform(16000, (samples * 32768).tolist())
    return np.stack([bank.get_frame(i) for i in range(bank.num_frames_ready)])


def mel_librosa(samples: Array, log10: bool = False, **options: Any) -> Array:
    power = librosa.feature.melspectrogram(y=samples, pad_mode="constant", power=2, dtype=np.float64, **options).T
    return np.log10(np.maximum(power, 1e-10)) if log10 else librosa.power_to_db(power, ref=1.0, amin=1e-10, top_db=None)


def signal(rate: int) -> Array:
    """One second in steps of 2^-15: chirp with DC, decaying tones, digital silence, bursts of noise at four levels."""
    # With this much noise the range within a frame is small enough for float32 references to be accurate to 2e-4.
    random, t = np.random.default_rng(2), np.arange(rate) / rate
    out = scipy.signal.lfilter([0.006], [1, -0.9], random.standard_normal(rate)) * np.where(t < 0.55, 1, 0.02)
    out += (t < 0.3) * (0.02 + 0.2 * np.sin(2 * np.pi * (50 * t + 0.75 * rate * t**2)))
    age = np.maximum(t - 0.3, 0)
    for hertz, level, decay in ((220, 0.2, 12), (997, 0.15, 20), (3150, 0.1, 30), (6000, 0.1, 40)):
        out += (t < 0.55) * level * np.exp(-decay * age) * np.sin(2 * np.pi * hertz * age)
    for start, level in ((0.72, 0.2), (0.79, 0.03), (0.86, 0.004), (0.93, 0.0008)):
        out += (t >= start) * (t < start + 0.05) * level * random.standard_normal(rate)
    out[(t >= 0.55) & (t < 0.7)] = 0
    assert np.abs(out).max() < 0.9
    return (np.round(out * 32768) / 32768).astype(np.float32)


def cases(x16: Array, x22: Array, short: Array) -> list[Case]:
    torch.set_default_dtype(torch.float64)  # otherwise torchaudio computes mel matrices in float32
    # librosa and torchaudio centre the window in n_fft samples: frame i has the samples from i*hop + (n_fft - window)/2
    # on. With that many zeros on either side of the signal their frames are ours.
    shifted, sized = np.pad(x16, (512 - 400) // 2), dict[str, Any](sr=16000, hop_length=160, fmax=8000)
    kaldi64 = torchaudio.compliance.kaldi.fbank(
        torch.from_numpy(x16)[None] * 32768, num_mel_bins=80, low_freq=20, high_freq=8000, dither=0
    )
    power = torchaudio.transforms.MelSpectrogram(
        16000, n_fft=512, win_length=400, hop_length=160, n_mels=64, center=False
    )(torch.from_numpy(shifted))
    # fmt: off
    small = {"recipe": "librosa", "sample_rate": 16000, "window_length": 400, "hop": 160, "fft_length": 512,
             "bands": 40, "low_hz": 20, "high_hz": 8000, "center": False}
    custom = frontend_of(16000, "hann", 400, 160, 512, "power", 64, 0, 8000, "htk", "hertz", "none", "ln",
                         1e-6, 0, 1, False, 0, False)
    mixed = frontend_of(16000, "hamming-symmetric", 321, 100, 400, "magnitude", 24, 0, 8000, "slaney", "mel", "slaney",
                        "decibel", 1e-4, 1e-3, 2, True, 0.5, True)
    # fmt: on
    tapers = {
        name: scipy.signal.get_window(name.split("-")[0].replace("rectangular", "boxcar"), 400, "-" not in name)
        for name in ("hann-symmetric", "hamming", "hamming-symmetric", "blackman", "rectangular")
    }
    # fmt: off
    return [
        ("kaldi", {"recipe": "kaldi"}, "signal-16000", "kaldi-native-fbank", kaldi(x16)),
        ("torchaudio-kaldi", {"recipe": "kaldi"}, "signal-16000", "torchaudio", kaldi64.numpy()),
        ("librosa", {"recipe": "librosa"}, "signal-22050", "librosa",
         mel_librosa(x22, sr=22050, n_fft=2048, hop_length=512, n_mels=128, center=True)),
        ("librosa-16k", small, "signal-16000", "librosa",
         mel_librosa(shifted, n_fft=512, win_length=400, n_mels=40, fmin=20, center=False, **sized)),
        ("librosa-center", {**small, "window_length": 401, "center": True}, "signal-short", "librosa",
         mel_librosa(short, n_fft=512, win_length=401, n_mels=40, fmin=20, center=True, **sized)),
        ("librosa-log10", {**small, "fft_length": 400, "bands": 80, "low_hz": 0, "log": "log10"}, "signal-short",
         "librosa", mel_librosa(short, log10=True, n_fft=400, n_mels=80, center=False, **sized)),
        ("torchaudio-melspectrogram", {"recipe": "custom", **custom}, "signal-16000", "torchaudio",
         np.log(power.numpy().T + 1e-6)),
        ("yamnet", {"recipe": "yamnet"}, "signal-16000", "numpy", audioset(x16, 0.001)),
        ("vggish", {"recipe": "vggish"}, "signal-16000", "numpy", audioset(x16, 0.01)),
        ("mixed", {"recipe": "custom", **mixed}, "signal-short", "numpy", None),
        *((f"window-{name}", {"recipe": "yamnet", "window": name}, "signal-short", "scipy",
           audioset(short, 0.001, taper)) for name, taper in tapers.items())]
    # fmt: on


def main() -> None:
    signals = {"signal-16000": signal(16000), "signal-22050": signal(22050)}
    signals["signal-short"] = signals["signal-16000"][10800:12400]  # the end of the silence and the first burst
    RESOURCES.mkdir(parents=True, exist_ok=True)
    for name, samples in signals.items():
        np.save(RESOURCES / f"{name}.npy", samples)
    print(f"{'case':26}{'frames x bands':>16}{'reference':>11}{'difference in ln':>18}{'tolerance':>11}")
    failed = []
    for name, frontend, source, package, output in cases(*(samples.astype(np.float64) for samples in signals.values())):
        ours = np.ascontiguousarray(definition(signals[source], frontend))
        theirs = ours if output is None else np.ascontiguousarray(output)
        assert ours.shape == theirs.shape and np.isfinite(ours).all(), name
        tolerance = 2e-4 if theirs.dtype == np.float32 else 1e-5
        difference = np.abs(ours - theirs).max() / PER_LN[{**RECIPES.get(frontend["recipe"], {}), **frontend}["log"]]
        failed += [name] * (not difference <= tolerance)
        np.save(RESOURCES / f"{name}.definition.npy", ours)
        if output is not None:
            np.save(RESOURCES / f"{name}.npy", theirs)
        meta = {"frontend": frontend, "signal": f"{source}.npy", "reference": f"{package} {version(package)}"}
        (RESOURCES / f"{name}.json").write_text(json.dumps({**meta, "tolerance": tolerance}, indent=2) + "\n")
        print(
            f"{name:26}{'{} x {}'.format(*ours.shape):>16}{theirs.dtype!s:>11}"
            f"{'-' if output is None else f'{difference:.1e}':>18}{tolerance:>11.0e}"
        )
    assert not failed, f"docs/model-format.md and the reference differ by more than the tolerance: {failed}"


if __name__ == "__main__":
    main()
