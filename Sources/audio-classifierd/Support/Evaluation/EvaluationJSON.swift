internal import AudioClassifier
internal import StrictCoding

extension EvaluationReport {
    /// Everything as one JSON object.
    package var json: String {
        var line = JSONWriter(type: "evaluation")
        line.add("model", model)
        line.add("model_sha256", modelHash)
        line.add("recordings", evaluation.recordings.count)
        line.add("hours", evaluation.seconds / 3600, decimals: 6)
        line.add("timed", evaluation.isTimed)
        line.add("labels", shown.map { evaluation.labels[$0] })
        line.add("labels_without_recordings", withoutRecordings.map { evaluation.labels[$0] })
        line.add("first_label") { object in
            object.add("recordings", firstLabel.recordings)
            object.add("right", firstLabel.right)
            object.add("accuracy", firstLabel.accuracy)
            object.add("exact", exactCount)
            object.add("related", firstLabel.related)
            object.add("related_accuracy", firstLabel.relatedAccuracy)
        }
        line.add("classification") { object in
            object.add("reported_by", evaluation.isSingle ? "first_label" : "threshold")
            object.add("micro", object: { Self.add(counts.total, to: &$0) })
            object.add("macro") { macro in
                macro.add("precision", defined(counts, \.precision).meanOfDefined)
                macro.add("recall", defined(counts, \.recall).meanOfDefined)
                macro.add("f1", defined(counts, \.f1).meanOfDefined)
            }
            object.add("mean_average_precision", meanAveragePrecision)
            object.add("average_precisions", averagePrecisions.count { $0.value != nil })
        }
        line.add("per_class", objects: shown) { addLabel($1, to: &$0) }
        line.add("confusion") { object in
            object.add("labels", confusion.labels.map { evaluation.labels[$0] })
            object.add("counts", rows: confusion.counts)
        }
        addEvents(to: &line)
        let reliability = evaluation.reliability
        line.add("calibration") { object in
            object.add("of", evaluation.isSingle ? "first_label" : "labels")
            object.add("expected_error", reliability.expectedError)
            object.add("values", reliability.count)
            object.add("bins", objects: reliability.bins) { bin, value in
                bin.add("low", value.low, decimals: 4)
                bin.add("high", value.high, decimals: 4)
                bin.add("count", value.count)
                bin.add("confidence", value.confidence)
                bin.add("accuracy", value.accuracy)
            }
        }
        line.add("threshold_curves", objects: curveLabels) { object, label in
            let hours = evaluation.sweep.otherSeconds[label] / 3600
            object.add("label", evaluation.labels[label])
            object.add("given", evaluation.sweep.given[label])
            object.add("hours_without", hours, decimals: 6)
            object.add("points", objects: evaluation.sweep.curve(label)) { point, value in
                point.add("threshold", value.threshold)
                point.add("found", value.found)
                point.add("false_events", value.falseEvents)
            }
        }
        if let choices { add(choices, to: &line) }
        line.add("predictions", objects: comparisons) { object, row in
            object.add("file", row.file)
            object.add("given", row.given.map { evaluation.labels[$0] })
            if let first = row.first {
                object.add("predicted", evaluation.labels[first])
            } else {
                object.addNull("predicted")
            }
            object.add("probability", Double(row.probability), decimals: 4)
            object.add("probability_of_given", row.givenProbability.map(Double.init), decimals: 4)
            object.add("seconds", row.seconds, decimals: 3)
        }
        line.add("failures", objects: failures) { object, failure in
            object.add("file", failure.file)
            object.add("code", failure.error.code)
            object.add("message", failure.error.message)
        }
        return line.text
    }

    private func addLabel(_ label: Int, to object: inout JSONWriter) {
        object.add("label", evaluation.labels[label])
        Self.add(counts[label], to: &object)
        object.add("average_precision", averagePrecisions[label] ?? nil)
        guard evaluation.isEvent[label] else { return }
        let falseEvents = falseEventsOfLabels[label]
        object.add("false_events", falseEvents.events)
        object.add("false_events_per_hour", falseEvents.rate)
        guard evaluation.isTimed else { return }
        object.add("event_based", object: { Self.add(eventCounts[label], to: &$0, isStrict: true) })
        object.add("segment_based", object: { Self.add(segmentCounts[label], to: &$0, isStrict: true) })
        object.add("delay", object: { Self.add(evaluation.delays(label), to: &$0) })
    }

    private func addEvents(to line: inout JSONWriter) {
        line.add("false_events") { object in
            object.add("hours_without_labels", falseEvents.seconds / 3600, decimals: 6)
            object.add("events", falseEvents.events)
            object.add("per_hour", falseEvents.rate)
        }
        guard evaluation.isTimed else { return }
        line.add("event_based") { object in
            object.add("collar_seconds", evaluation.eventComparison.collar, decimals: 6)
            object.add("onset_only", evaluation.eventComparison.isOnsetOnly)
            add(eventCounts, to: &object)
        }
        line.add("segment_based") { object in
            object.add("segment_seconds", evaluation.segmentComparison.length, decimals: 6)
            add(segmentCounts, to: &object)
        }
        line.add("delay", object: { Self.add(evaluation.delays(), to: &$0) })
    }

    private func add(_ counts: [MatchCounts], to object: inout JSONWriter) {
        object.add("micro", object: { Self.add(counts.total, to: &$0, isStrict: true) })
        object.add("macro") { macro in
            macro.add("precision", counts.map(\.precision).meanOfDefined)
            macro.add("recall", counts.map(\.recall).meanOfDefined)
            macro.add("f1", counts.map(\.strictF1).meanOfDefined)
        }
    }

    private func add(_ choices: ThresholdChoices, to line: inout JSONWriter) {
        line.add("chosen_thresholds") { object in
            object.add("false_events_per_hour", choices.limit)
            object.add("labels", objects: choices.labels) { object, choice in
                object.add("label", choice.label)
                object.add("threshold", choice.value.threshold)
                object.add("false_events_per_hour", choice.value.rate)
                object.add("recall", choice.value.recall)
                object.add("reached", choice.value.isReached)
                object.add("present_threshold", choice.own)
                object.add("changed", choice.isChanged)
            }
        }
    }

    /// - Parameter isStrict: whether F1 needs both precision and recall.
    private static func add(_ counts: MatchCounts, to object: inout JSONWriter, isStrict: Bool = false) {
        object.add("given", counts.given)
        object.add("predicted", counts.reported)
        object.add("right", counts.right)
        object.add("precision", counts.precision)
        object.add("recall", counts.recall)
        object.add("f1", isStrict ? counts.strictF1 : counts.f1)
    }

    private static func add(_ delays: Evaluation.Delays, to object: inout JSONWriter) {
        object.add("given", delays.given)
        object.add("found", delays.found.count)
        object.add("mean", delays.found.mean, decimals: 4)
        object.add("median", delays.found.quantile(0.5), decimals: 4)
        object.add("p90", delays.found.quantile(0.9), decimals: 4)
    }
}

extension JSONWriter {
    /// Adds a number, or null.
    fileprivate mutating func add(_ key: String, _ value: Double?, decimals: Int = 6) {
        if let value { add(key, value, decimals: decimals) } else { addNull(key) }
    }
}
