package import StrictCoding

extension LogMelRecipe {
    /// Adds every value under its key in the `frontend` object of a model's `config.json`.
    /// - Parameter name: the name of the recipe in the object.
    package func write(to object: inout JSONWriter, recipe name: String) {
        object.add("recipe", name)
        object.add("sample_rate", sampleRate)
        object.add("window", window.rawValue)
        object.add("window_length", windowLength)
        object.add("hop", hop)
        object.add("fft_length", fftLength)
        object.add("spectrum", spectrum.rawValue)
        object.add("bands", bands)
        object.add("low_hz", lowHz)
        object.add("high_hz", highHz)
        object.add("mel_scale", melScale.rawValue)
        object.add("mel_shape", melShape.rawValue)
        object.add("mel_norm", melNorm.rawValue)
        object.add("log", log.rawValue)
        object.add("log_offset", logOffset)
        object.add("log_floor", logFloor)
        object.add("sample_scale", sampleScale)
        object.add("remove_dc", removeDC)
        object.add("preemphasis", preemphasis)
        object.add("center", center)
    }

    /// The published recipes as one JSON object: a name, and the recipe's values.
    package static var namedAsJSON: String {
        var object = JSONWriter()
        for (name, recipe) in named.sorted(by: { $0.key < $1.key }) {
            object.add(name) { recipe.write(to: &$0, recipe: name) }
        }
        return object.text
    }
}
