internal import FoundationEssentials
public import StreamTransformer

/// The folders in which models are found by name.
public struct ModelCatalog: Sendable {
    /// Folders that hold one folder for each model. Of two models of one name the first counts.
    public let folders: [String]

    /// Name of the default model: the environment's `AUDIO_CLASSIFIERD_MODEL`, or `general`.
    public static var defaultName: String {
        ProcessInfo.processInfo.environment["AUDIO_CLASSIFIERD_MODEL"] ?? "general"
    }

    /// The usual folders: the environment's `AUDIO_CLASSIFIERD_MODELS`, `models` in the working directory, those beside
    /// the program (a build in its package, an installation under a prefix), and the system's.
    public init() {
        var folders: [String] = []
        if let chosen = ProcessInfo.processInfo.environment["AUDIO_CLASSIFIERD_MODELS"] { folders.append(chosen) }
        folders.append("models")
        let program = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
        var parent = program.split(separator: "/").dropLast()
        let installed = "/" + parent.dropLast().joined(separator: "/") + "/share/audio-classifierd/models"
        for _ in 0..<4 where !parent.isEmpty {
            folders.append("/" + parent.joined(separator: "/") + "/models")
            parent = parent.dropLast()
        }
        folders += [installed, "/usr/local/share/audio-classifierd/models", "/usr/share/audio-classifierd/models"]
        self.folders = folders
    }

    /// The value of `AUDIO_CLASSIFIERD_MODELS` if it is no folder, so that models come from the other folders only.
    package static var missingFolder: String? {
        guard let chosen = ProcessInfo.processInfo.environment["AUDIO_CLASSIFIERD_MODELS"], !chosen.isEmpty else {
            return nil
        }
        return (try? FileManager.default.contentsOfDirectory(atPath: chosen)) == nil ? chosen : nil
    }

    /// A catalogue of these folders.
    public init(folders: [String]) { self.folders = folders }

    /// Returns the folder of the model called `name`; a name with a slash is a folder itself.
    /// - Throws: ``ClassifierError`` with the code `model_not_found`, whose message lists the installed models.
    public func directory(of name: String) throws(ClassifierError) -> String {
        if name.contains("/") || name == "." || name == ".." { return name }
        for folder in folders where FileManager.default.fileExists(atPath: "\(folder)/\(name)/config.json") {
            return "\(folder)/\(name)"
        }
        let known = installed.map { $0.split(separator: "/").last.map(String.init) ?? "" }
        let list = known.isEmpty ? "none is installed" : "installed are \(known.joined(separator: ", "))"
        throw ClassifierError(
            .configuration, code: "model_not_found",
            "there is no model \"\(name)\"\(Spelling.question(name, in: known)); \(list) "
                + "(a folder is given with a slash: ./\(name))")
    }

    /// Loads a network, whatever features it takes.
    public func load(_ name: String, precision: WeightPrecision = .float32) throws -> Model {
        try Model(directory: directory(of: name), precision: precision)
    }

    /// Folders of all installed models.
    public var installed: [String] {
        var seen: Set<String> = []
        return folders.flatMap { folder -> [String] in
            let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
            return names.sorted().filter { name in
                FileManager.default.fileExists(atPath: "\(folder)/\(name)/config.json") && seen.insert(name).inserted
            }.map { "\(folder)/\($0)" }
        }
    }
}
