import Foundation

/// Programs that tests run.
enum Shell {
  /// Runs a program to its end.
  static func run(_ command: [String]) throws -> (status: Int32, output: String) {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = command
    let pipe = Pipe()
    process.standardOutput = pipe
    process.standardError = pipe
    try process.run()
    let output = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return (process.terminationStatus, String(decoding: output, as: UTF8.self))
  }

  /// The interpreter itself, not what may stand for it on the path and takes its time.
  static let python: String = {
    let found = try? run(["python3", "-c", "import sys, numpy; print(sys.executable)"])
    guard let found, found.status == 0 else { return "" }
    return found.output.split(separator: "\n").last.map(String.init) ?? ""
  }()
  /// Whether Python with NumPy is here.
  static let hasNumPy = !python.isEmpty
  /// Whether a C compiler is here.
  static let hasCompiler = (try? run(["cc", "--version"]).status) == 0
}
