internal import TestSupport
internal import Testing

/// Certificates of openssl and their keys, in a folder.
struct Certificates {
    let folder: TemporaryDirectory

    private func openssl(_ arguments: [String]) throws {
        let finished = try ChildProcess(arguments, program: "/usr/bin/openssl").wait()
        try #require(finished.status == 0, "openssl \(arguments): \(finished.errors)")
    }

    /// Makes `NAME.pem` and `NAME.key`, valid for this machine for two days.
    func make(_ name: String) throws {
        try openssl([
            "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
            "subjectAltName=DNS:localhost,IP:127.0.0.1", "-out", "\(folder.path)/\(name).pem", "-keyout",
            "\(folder.path)/\(name).key",
        ])
    }

    /// Makes `NAME.pem` of the year 2020 for `KEY.key`, with `openssl ca`, which accepts dates.
    func makeExpired(_ name: String, key: String) throws {
        try folder.write([], to: "index.txt")
        try folder.write(Array("01\n".utf8), to: "serial")
        let lines = [
            "[ca]", "default_ca=own", "[own]", "database=\(folder.path)/index.txt", "serial=\(folder.path)/serial",
            "new_certs_dir=\(folder.path)", "default_md=sha256", "policy=any", "[any]", "commonName=supplied",
        ]
        try folder.write(Array(lines.joined(separator: "\n").utf8), to: "ca.cnf")
        let request = "\(folder.path)/request.pem"
        try openssl(["req", "-new", "-key", "\(folder.path)/\(key).key", "-subj", "/CN=localhost", "-out", request])
        try openssl([
            "ca", "-batch", "-selfsign", "-config", "\(folder.path)/ca.cnf", "-keyfile", "\(folder.path)/\(key).key",
            "-in", request, "-startdate", "20200101000000Z", "-enddate", "20200102000000Z", "-out",
            "\(folder.path)/\(name).pem",
        ])
    }
}
