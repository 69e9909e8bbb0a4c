/// Two values that differ by more than a tolerance, with the subject of the comparison and the index of the element.
package struct Discrepancy: Error, Equatable, CustomStringConvertible {
    package let subject: String
    package let index: Int
    package let expected: Double
    package let observed: Double
    package let error: Double
    package let tolerance: Double

    package var description: String {
        "\(subject), index \(index): expected \(expected), observed \(observed), error \(error), tolerance \(tolerance)"
    }
}

/// Compares element by element.
/// - Returns: the largest absolute error.
/// - Throws: ``Discrepancy`` at the element with the largest error, if that exceeds `absolute` or is not a number.
@discardableResult
package func compare(
    _ observed: [Float], with expected: [Double], absolute tolerance: Double, _ subject: @autoclosure () -> String
) throws -> Double {
    try requireSameCount(observed.count, expected.count, subject())
    var (worst, worstIndex) = (0.0, 0)
    for index in expected.indices {
        let error = abs(Double(observed[index]) - expected[index])
        // Written so that an error that is not a number is the largest.
        if !(error <= worst) { (worst, worstIndex) = (error, index) }
        if error.isNaN { break }
    }
    guard worst <= tolerance else {
        throw Discrepancy(
            subject: subject(), index: worstIndex, expected: expected[worstIndex],
            observed: Double(observed[worstIndex]),
            error: worst, tolerance: tolerance)
    }
    return worst
}

/// Compares vectors by the norm of their difference, relative to the norm of the expected one.
/// - Returns: the relative error.
/// - Throws: ``Discrepancy`` at the element that differs most, if the relative error exceeds `relative` or is not a
///   number.
@discardableResult
package func compare(
    _ observed: [Float], with expected: [Double], relative tolerance: Double, _ subject: @autoclosure () -> String
) throws -> Double {
    try requireSameCount(observed.count, expected.count, subject())
    let differences = expected.indices.map { abs(Double(observed[$0]) - expected[$0]) }
    let size = expected.reduce(0) { $0 + $1 * $1 }.squareRoot()
    let error = differences.reduce(0) { $0 + $1 * $1 }.squareRoot()
    let ratio = error == 0 ? 0 : error / size
    guard ratio <= tolerance else {
        let index = differences.indices.max { differences[$0] < differences[$1] } ?? 0
        throw Discrepancy(
            subject: "\(subject()), relative norm", index: index, expected: expected[index],
            observed: Double(observed[index]), error: ratio, tolerance: tolerance)
    }
    return ratio
}

/// Compares bit patterns, in which zeros of different sign differ.
/// - Throws: ``Discrepancy`` at the first element that differs.
package func compareBits(_ observed: [Float], with expected: [Float], _ subject: @autoclosure () -> String) throws {
    try requireSameCount(observed.count, expected.count, subject())
    for index in expected.indices where observed[index].bitPattern != expected[index].bitPattern {
        throw Discrepancy(
            subject: "\(subject()), bit for bit", index: index, expected: Double(expected[index]),
            observed: Double(observed[index]), error: abs(Double(observed[index]) - Double(expected[index])),
            tolerance: 0)
    }
}

private func requireSameCount(_ observed: Int, _ expected: Int, _ subject: String) throws {
    guard observed == expected else {
        throw Discrepancy(
            subject: "\(subject), number of elements", index: 0, expected: Double(expected), observed: Double(observed),
            error: Double(abs(observed - expected)), tolerance: 0)
    }
}
