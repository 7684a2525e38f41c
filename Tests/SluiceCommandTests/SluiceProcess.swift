import Foundation
import SluiceTestSupport

/// The built `sluice`, run as a user runs it.
struct SluiceProcess {
  struct Result {
    let exitCode: Int32
    let output: String
    let errors: String
  }

  /// The program that was built beside these tests.
  static let path: String = {
    let tests = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
    return URL(fileURLWithPath: tests).deletingLastPathComponent().appendingPathComponent("sluice")
      .path
  }()

  /// Runs it.
  ///
  /// - Parameters:
  ///   - arguments: Its arguments.
  ///   - limit: What `ulimit` of the shell is given before, such as `-n 50`.
  /// - Returns: How it ended, and what it wrote.
  /// - Throws: If it cannot be started.
  static func run(_ arguments: [String], limit: String? = nil) throws -> Result {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: limit == nil ? path : "/bin/sh")
    process.arguments =
      limit.map { ["-c", "ulimit \($0) && exec \"$0\" \"$@\"", path] + arguments } ?? arguments
    process.standardInput = FileHandle.nullDevice
    let (output, errors) = (Pipe(), Pipe())
    process.standardOutput = output
    process.standardError = errors
    try process.run()
    // What is written here is far below what a pipe holds.
    let outputText = output.fileHandleForReading.readDataToEndOfFile()
    let errorText = errors.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return Result(
      exitCode: process.terminationStatus, output: String(decoding: outputText, as: UTF8.self),
      errors: String(decoding: errorText, as: UTF8.self))
  }
}

/// A directory with a tiny family in it, gone when the test is over.
final class FamilyDirectory {
  let path: String
  let family: ModelFamily

  init(_ family: ModelFamily = FamilySpec.random(seed: 21).build()) throws {
    path = NSTemporaryDirectory() + "sluice-command-" + UUID().uuidString
    self.family = family
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    try family.base.write(to: path + "/base", layout: ShardingLayout())
    for tuned in family.fineTuned {
      try tuned.model.write(to: path + "/" + tuned.name, layout: ShardingLayout())
    }
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// The arguments of a merge of the whole family, with the paths filled in.
  func mergeArguments(_ further: [String] = []) -> [String] {
    var arguments = ["merge", "--base", path + "/base", "--out", path + "/out"]
    for tuned in family.fineTuned {
      arguments += ["--model", "\(tuned.name)=\(path)/\(tuned.name)"]
    }
    return arguments + further
  }
}
