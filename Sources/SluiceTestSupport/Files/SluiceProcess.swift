internal import Foundation

/// The built `sluice`, run as a user runs it.
package struct SluiceProcess {
  /// What became of a run.
  package struct Result: Sendable {
    /// The exit code.
    package let exitCode: Int32
    /// What it wrote to its standard output.
    package let output: String
    /// What it wrote to its standard error.
    package let errors: String
  }

  /// The program that was built beside these tests.
  package static let path: String = {
    let tests = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
    return URL(fileURLWithPath: tests).deletingLastPathComponent().appendingPathComponent("sluice")
      .path
  }()

  /// Runs it to its end.
  ///
  /// - Parameters:
  ///   - arguments: The arguments.
  ///   - directory: The directory that it runs in; that of the tests if nil.
  ///   - input: What it reads from its standard input; nothing if nil.
  ///   - limit: What `ulimit` of the shell is given before, such as `-n 50`.
  /// - Returns: What became of it.
  /// - Throws: If it cannot be started.
  package static func run(
    _ arguments: [String], in directory: String? = nil, input: String? = nil,
    limit: String? = nil
  ) throws -> Result {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: limit == nil ? path : "/bin/sh")
    process.arguments =
      limit.map { ["-c", "ulimit \($0) && exec \"$0\" \"$@\"", path] + arguments } ?? arguments
    let inputPipe = input.map { _ in Pipe() }
    process.standardInput = inputPipe ?? FileHandle.nullDevice
    if let directory { process.currentDirectoryURL = URL(fileURLWithPath: directory) }
    let (output, errors) = (Pipe(), Pipe())
    process.standardOutput = output
    process.standardError = errors
    try process.run()
    // What is written here, and to it, is far below what a pipe holds.
    if let inputPipe, let input {
      inputPipe.fileHandleForWriting.write(Data(input.utf8))
      try inputPipe.fileHandleForWriting.close()
    }
    let outputText = output.fileHandleForReading.readDataToEndOfFile()
    let errorText = errors.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return Result(
      exitCode: process.terminationStatus, output: String(decoding: outputText, as: UTF8.self),
      errors: String(decoding: errorText, as: UTF8.self))
  }
}
