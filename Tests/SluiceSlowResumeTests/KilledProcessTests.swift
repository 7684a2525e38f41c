import Foundation
import Glibc
import SluiceCore
import SluiceDataflow
import SluiceFormats
import SluicePlan
import SluiceRun
import SluiceRecipe
import SluiceTestSupport
import Testing

/// The program itself, killed and sent signals; `scripts/attacks kills` does the same at length.
@Suite("The program", .serialized)
struct KilledProcessTests {
  private let directory: ScratchDirectory
  private var scratch: String { directory.path }
  private let models: [String]

  init() throws {
    directory = try ScratchDirectory()
    let family = directory("family")
    let demo = try KilledProcessTests.start(["demo", "--quiet", "--out", family])
    demo.waitUntilExit()
    #expect(demo.terminationStatus == 0)
    models = [
      "--base", family + "/base", "--model", "math=" + family + "/math", "--model",
      "law=" + family + "/law", "--shard-size", "2MB", "--threads", "2", "--quiet",
      "--journal-interval", "0.01", "--memory", "64MiB",
    ]
  }

  private static func start(_ arguments: [String], errors: Pipe? = nil) throws -> Process {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: SluiceProcess.path)
    process.arguments = arguments
    process.standardOutput = FileHandle.nullDevice
    if let errors { process.standardError = errors }
    try process.run()
    return process
  }

  private func merge(_ name: String, errors: Pipe? = nil, more: [String] = []) throws -> Process {
    try KilledProcessTests.start(
      ["merge"] + models + ["--out", scratch + "/" + name] + more, errors: errors)
  }

  private func finish(_ name: String) throws {
    let process = try merge(name)
    process.waitUntilExit()
    #expect(process.terminationStatus == 0)
  }

  private func weights(_ name: String) throws -> [String: Data] {
    var files: [String: Data] = [:]
    for file in try FileManager.default.contentsOfDirectory(atPath: scratch + "/" + name)
    where file != RunFile.report {
      // A file may lose its name between the two calls.
      let content = FileManager.default.contents(atPath: scratch + "/\(name)/\(file)")
      if let content { files[file] = content }
    }
    return files
  }

  @Test("killed at random moments goes on to the same bytes, with no unfinished file under a name")
  func kills() throws {
    let start = MonotonicTime.now
    try finish("whole")
    let seconds = MonotonicTime.now.seconds(since: start)
    let expected = try weights("whole")
    var generator = RepeatableGenerator(seed: 9)
    var kills = 0
    for round in 0..<8 {
      let name = "killed-\(round)"
      for _ in 0..<3 {
        let process = try merge(name)
        usleep(UInt32(Double.random(in: 0...seconds, using: &generator) * 1e6))
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
        kills += process.terminationReason == .uncaughtSignal ? 1 : 0
        // Whatever has a name by now has it for good, and whole.
        let output = (try? weights(name)) ?? [:]
        for (file, content) in output where !file.hasPrefix(".") {
          #expect(content == expected[file], "\(file) after a kill")
        }
      }
      try finish(name)
      #expect(try weights(name) == expected)
    }
    #expect(kills > 4)
  }

  @Test(
    "stopped by a signal exits with 128 and its number, and goes on",
    arguments: [SIGINT, SIGTERM, SIGHUP])
  func signals(number: Int32) throws {
    try finish("whole")
    let errors = Pipe()
    let process = try merge("stopped", errors: errors)
    // As soon as there is a journal the run is on its way.
    while process.isRunning,
      !FileManager.default.fileExists(atPath: scratch + "/stopped/.sluice/journal")
    { usleep(200) }
    let start = MonotonicTime.now
    kill(process.processIdentifier, number)
    process.waitUntilExit()
    let text = String(
      decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    #expect(process.terminationStatus == 128 + number, "\(text)")
    #expect(MonotonicTime.now.seconds(since: start) < 2)
    #expect(text.contains("the same command"))
    try finish("stopped")
    #expect(try weights("stopped") == weights("whole"))
  }

  @Test("refuses a second run on an output, and status does not get in the way")
  func lock() throws {
    let first = try merge("shared")
    while first.isRunning,
      !FileManager.default.fileExists(atPath: scratch + "/shared/.sluice/journal")
    { usleep(200) }
    kill(first.processIdentifier, SIGSTOP)
    let errors = Pipe()
    let second = try merge("shared", errors: errors)
    second.waitUntilExit()
    let text = String(
      decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    #expect(second.terminationStatus == 75)
    #expect(text.contains("process \(first.processIdentifier)"))
    let status = try RunStatus(of: scratch + "/shared")
    #expect(status.state == .running(holder: "process \(first.processIdentifier)"))
    kill(first.processIdentifier, SIGCONT)
    first.waitUntilExit()
    #expect(first.terminationStatus == 0)
    #expect(try RunStatus(of: scratch + "/shared").state == .finished)
  }

  @Test("above the limit of a file's size fails with 74, and goes on without the limit")
  func fileSizeLimit() throws {
    try finish("whole")
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    let command = [SluiceProcess.path, "merge"] + models + ["--out", scratch + "/limited"]
    process.arguments = ["-c", "ulimit -f 1024; exec " + command.joined(separator: " ")]
    let errors = Pipe()
    process.standardError = errors
    try process.run()
    process.waitUntilExit()
    let text = String(
      decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    #expect(process.terminationStatus == 74, "\(text)")
    #expect(text.contains("limited/.sluice/"))
    try finish("limited")
    #expect(try weights("limited") == weights("whole"))
  }

  @Test("names the mapped input that was cut short while it was read")
  func truncatedInput() throws {
    let input = scratch + "/family/law/model-00001-of-00003.safetensors"
    let name = FileManager.default.fileExists(atPath: input) ? input : try firstShard()
    let errors = Pipe()
    let process = try merge("cut", errors: errors, more: ["--threads", "1"])
    while process.isRunning,
      !FileManager.default.fileExists(atPath: scratch + "/cut/.sluice/journal")
    { usleep(100) }
    truncate(name, 4096)
    process.waitUntilExit()
    let text = String(
      decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    #expect(process.terminationReason == .exit)
    // It may have been fast enough to have read all of the file before.
    #expect([74, 0].contains(process.terminationStatus), "\(text)")
    if process.terminationStatus == 74 { #expect(text.contains(name)) }
  }

  private func firstShard() throws -> String {
    let directory = scratch + "/family/law"
    let names = try FileManager.default.contentsOfDirectory(atPath: directory)
    return directory + "/" + (try #require(names.filter { $0.hasSuffix(".safetensors") }.min()))
  }
}
