internal import ArgumentParser
internal import AudioClassifier
internal import ClassifierServer

/// The tables of settings in the documentation.
package enum SettingTables {
    package enum Table: String, CaseIterable, Sendable {
        case options, configuration, query

        package var lines: [String] {
            switch self {
            case .options: SettingTables.options
            case .configuration: SettingTables.configuration
            case .query: SettingTables.query
            }
        }
    }

    /// The commands whose options the environment can set.
    static let commands: [any SettableCommand.Type] = [
        Run.self, Classify.self, ReportCommand.self, Evaluate.self, Features.self, Encode.self, Serve.self,
        Requests.self,
    ]

    /// Variables of options; `serve` has its own, by key.
    static let optionVariables = Set(commands.flatMap { $0.settings.map(\.variable) })

    /// Keys of the configuration that `--set` takes.
    static var configurationKeys: [String] {
        ServerSettings.sections.flatMap { section in section.settings.map { section.path + $0.configurationKey } }
    }

    private static var options: [String] {
        var rows: [[String]] = []
        var seen: Set<String> = []
        for setting in commands.flatMap({ $0.settings }) {
            // An option with another default has a row of its own.
            guard seen.insert(setting.option + setting.fallbackText).inserted else { continue }
            let users = commands.filter { command in
                command.settings.contains { $0.option == setting.option && $0.fallbackText == setting.fallbackText }
            }
            rows.append([
                "`\(setting.option)`", "`\(setting.variable)`",
                (setting.isRepeated ? "several: " : "") + setting.expected, setting.fallbackText, setting.help,
                users.map { "`\($0._commandName)`" }.joined(separator: ", "),
            ])
        }
        return markdown(["option", "variable", "value", "default", "meaning", "commands"], rows)
    }

    private static var configuration: [String] {
        let rows = ServerSettings.sections.flatMap { section in
            section.settings.map { setting in
                let path = section.path + setting.configurationKey
                let value = setting.isRepeated ? "several: \(setting.expected)" : setting.expected
                return ["`\(path)`", "`\(SettingVariable.name(path))`", value, setting.fallbackText, setting.help]
            }
        }
        let sources = ServerSettings.sourceSettings.map { setting in
            ["`sources[].\(setting.configurationKey)`", "", setting.expected, setting.fallbackText, setting.help]
        }
        return markdown(["key", "variable", "value", "default", "meaning"], rows + sources)
    }

    private static var query: [String] {
        let groups: [(name: String, parameters: [QueryParameter])] = [
            ("`/v1/stream`", QueryParameter.stream), ("`/v1/streams/ID/watch`", QueryParameter.watch),
            ("`/v1/classify`", QueryParameter.file),
        ]
        var rows: [[String]] = []
        var seen: Set<String> = []
        for setting in groups.flatMap({ $0.parameters.map(\.setting) }) where seen.insert(setting.name).inserted {
            let users = groups.filter { $0.parameters.contains { $0.setting.name == setting.name } }
            rows.append([
                "`\(setting.name)`", (setting.isRepeated ? "several: " : "") + setting.expected, setting.help,
                users.map(\.name).joined(separator: ", "),
            ])
        }
        return markdown(["parameter", "value", "meaning", "requests"], rows)
    }

    private static func markdown(_ header: [String], _ rows: [[String]]) -> [String] {
        func line(_ cells: [String]) -> String {
            "| " + cells.map { $0.replacing("|", with: "\\|") }.joined(separator: " | ") + " |"
        }
        return [line(header), "|" + header.map { _ in "---|" }.joined()] + rows.map(line)
    }
}
