/// Numbers with a fixed number of decimals at most, the same on every machine: 0.91, -31.2, 5.
package enum Decimal {
    package static func text(_ value: Double, _ decimals: Int) -> String {
        var text = ""
        append(value, decimals, to: &text)
        return text
    }

    package static func append(_ value: Double, _ decimals: Int, to text: inout String) {
        var place = (0..<decimals).reduce(1) { product, _ in product * 10 }
        let scaled = Int((abs(value) * Double(place)).rounded())
        if value < 0 && scaled != 0 { text += "-" }
        text += String(scaled / place)
        var fraction = scaled % place
        if fraction > 0 { text += "." }
        // Up to the last digit that is not 0.
        while fraction > 0 {
            place /= 10
            text += String(fraction / place)
            fraction %= place
        }
    }
}
