/// Text of numbers with at most a given number of decimals, the same on every machine: 0.91, -31.2, 5. Numbers of 2^63
/// units and more are written with an exponent (1e+20), and numbers that are not finite as nan, inf and -inf.
package enum Decimal {
    package static func text(_ value: Double, _ decimals: Int) -> String {
        var text = ""
        append(value, decimals, to: &text)
        return text
    }

    package static func append(_ value: Double, _ decimals: Int, to text: inout String) {
        var unit = (0..<decimals).reduce(1) { product, _ in product * 10 }
        guard let scaled = Int(exactly: (abs(value) * Double(unit)).rounded()) else {
            text += "\(value)"
            return
        }
        if value < 0 && scaled != 0 { text += "-" }
        text += String(scaled / unit)
        var fraction = scaled % unit
        if fraction > 0 { text += "." }
        // Digits up to the last one that is not 0.
        while fraction > 0 {
            unit /= 10
            text += String(fraction / unit)
            fraction %= unit
        }
    }
}
