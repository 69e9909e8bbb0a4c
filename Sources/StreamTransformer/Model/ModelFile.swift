internal import FoundationEssentials
internal import Glibc

/// The files of a model, whose size is checked before they are read.
package enum ModelFile {
    /// Largest `config.json`.
    package static let largestConfiguration = 16 << 20
    /// Largest file of weights.
    package static let largestWeights = 1 << 30

    /// Reads a file.
    /// - Throws: ``ModelError`` if the path is no file, the file cannot be read, or it has more than `limit` bytes.
    package static func read(_ path: String, atMost limit: Int) throws(ModelError) -> [UInt8] {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else {
            throw ModelError(
                .notFound, "\(path): cannot be read; a model is a folder with config.json and model.safetensors")
        }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw ModelError(.notFound, "\(path): is not a file; a model's files are files")
        }
        guard status.st_size <= limit else {
            throw ModelError(
                .configuration, "\(path): has \(status.st_size) bytes; such a file of a model has at most \(limit)")
        }
        guard let data = try? Data(contentsOf: URL(filePath: path)) else {
            throw ModelError(.notFound, "\(path): cannot be read")
        }
        return Array(data)
    }
}
