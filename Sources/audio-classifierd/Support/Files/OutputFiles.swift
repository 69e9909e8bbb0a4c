import AudioClassifier
import AudioFrontend
import Glibc

/// Checks output files before any work is done.
enum OutputFiles {
    /// - Throws: ``ClassifierError`` `usage` if the output is one of the inputs, and would overwrite it.
    static func refuse(_ output: FileName, over input: FileName, option: String) throws(ClassifierError) {
        // `-` stands for a standard stream, whatever file may have this name.
        guard !output.isStandardInput, output.isSameFile(as: input) else { return }
        throw ClassifierError(
            .usage, code: "usage",
            "\(option) \(output) is the input \(input), which it would overwrite; name another file")
    }

    /// - Throws: ``ClassifierError`` `usage` if two options name one file, which would keep one result of two.
    static func refuseRepeated(_ outputs: [(option: String, file: FileName?)]) throws(ClassifierError) {
        let named = outputs.compactMap { output in output.file.map { (output.option, $0) } }
        for (index, (option, file)) in named.enumerated() {
            for (other, earlier) in named[..<index] where !file.isStandardInput && file.isSameFile(as: earlier) {
                throw ClassifierError(
                    .usage, code: "usage", "\(option) \(file) is the file of \(other), too; name another file")
            }
        }
    }

    /// - Throws: ``ClassifierError`` `inputOutput` if the file cannot be written.
    static func checkWritable(_ output: FileName, option: String) throws(ClassifierError) {
        func failure(_ reason: String) -> ClassifierError {
            ClassifierError(.inputOutput, code: "write", "\(option) \(output): cannot write: \(reason)")
        }
        if output.isFolder { throw failure("it is a folder") }
        // Renaming would put a file in the place of a device or a FIFO.
        if let status = output.status, status.st_mode & S_IFMT != S_IFREG { throw failure("it is not a regular file") }
        // The file is written under another name in the folder and then renamed: the folder must be writable.
        guard unsafe output.folder.withCString({ unsafe access($0, W_OK | X_OK) }) == 0 else {
            throw failure("\(output.folder): \(unsafe String(cString: strerror(errno)))")
        }
    }

    /// Checks a file that gets a picture or a page.
    /// - Parameter kind: the ending of such files, `svg`, `png` or `html`.
    /// - Throws: ``ClassifierError`` `usage` for a name that ends as that of another kind.
    static func check(_ output: FileName, option: String, kind: String) throws(ClassifierError) {
        try checkWritable(output, option: option)
        let ending = output.entry.description.split(separator: ".").last?.lowercased() ?? ""
        let others = ["png", "jpg", "jpeg", "gif", "pdf", "webp", "svg", "html"].filter { $0 != kind }
        guard others.contains(ending) else { return }
        throw ClassifierError(
            .usage, code: "usage",
            "\(option) \(output): what is written is \(kind.uppercased()); name it .\(kind), which browsers open")
    }

    /// Makes a folder and those above it.
    static func makeFolder(_ folder: FileName) throws(ClassifierError) {
        guard !folder.isFolder else { return }
        if folder.folder != folder { try makeFolder(folder.folder) }
        guard unsafe folder.withCString({ unsafe mkdir($0, 0o777) }) == 0 || folder.isFolder else {
            throw ClassifierError(
                .inputOutput, code: "write",
                "\(folder): the folder cannot be made: \(unsafe String(cString: strerror(errno)))")
        }
    }
}
