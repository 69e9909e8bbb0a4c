internal import AudioClassifier
internal import StrictCoding

extension EvaluationReport {
    /// A row for each recording as CSV: those first whose labels are likely errors, failed ones last.
    /// - Parameter separator: text between several given labels.
    package func predictions(separator: String) -> [String] {
        let header = ["filename", "given", "predicted", "probability", "probability_of_given", "seconds", "error"]
        func text(_ labels: [Int]) -> String { labels.map { evaluation.labels[$0] }.joined(separator: separator) }
        let rows = comparisons.map { row in
            [
                row.file, text(row.given),
                row.first.map { evaluation.labels[$0] } ?? "", Decimal.text(Double(row.probability), 4),
                row.givenProbability.map { Decimal.text(Double($0), 4) } ?? "", Decimal.text(row.seconds, 3), "",
            ]
        }
        let failed = failures.map {
            [$0.file, text($0.labels), "", "", "", "", "\($0.error.code): \($0.error.message)"]
        }
        return ([header] + rows + failed).map(DelimitedRow.csv)
    }
}
