import Glibc
import SluiceCore
import SluiceFormats
import SluiceTestSupport
import Testing

@testable import SluicePlan
@testable import SluiceRun
@testable import SluiceRecipe

@Suite("What an unfinished run is")
struct RunDirectoryTests {
  private static let merge = Result { try ResumableMerge(in: ScratchDirectory.root) }

  /// An output with an unfinished run that has merged everything.
  private func unfinished(
    _ name: String, of merge: ResumableMerge? = nil
  ) throws -> ResumableMerge {
    let merge = try merge ?? RunDirectoryTests.merge.get()
    let disk = FailingDisk(under: merge.output(name), .kill) { call, _ in
      call.kind == .rename && call.path.hasSuffix(".safetensors")
    }
    #expect(throws: (any Error).self) { try merge.run(name) }
    disk.end()
    return merge
  }

  private func failure(_ body: () throws -> Void) throws -> Failure {
    do {
      try body()
    } catch {
      return try #require(error as? any SluiceError).failure
    }
    Issue.record("no error")
    return Failure(.done, message: "")
  }

  @Test("another recipe is refused by name, and takes the place with --restart")
  func otherRecipe() throws {
    let merge = try unfinished("recipe")
    let refusal = try failure {
      try merge.run("recipe", changeRecipe: { $0.method.maxRateDeviation = 0.01 })
    }
    #expect(refusal.exitCode == .usage)
    #expect(refusal.message.contains("--max-rate-deviation was 0.08, is 0.01"))
    #expect(refusal.remedy?.contains("--restart") == true)
    try merge.run("recipe")
    #expect(try merge.files(of: "recipe") == merge.expected)
    _ = try unfinished("restarted")
    try merge.run(
      "restarted", change: { $0.startsOver = true },
      changeRecipe: { $0.method.maxRateDeviation = 0.01 })
    #expect(try merge.files(of: "restarted") != merge.expected)
    #expect(try FileStatus.of("\(merge.output("restarted"))/.sluice") == nil)
  }

  @Test("starting over removes files that had their names already")
  func restartWhilePublishing() throws {
    let merge = try RunDirectoryTests.merge.get()
    let disk = FailingDisk(under: merge.output("half"), .kill) { call, _ in
      call.kind == .rename && call.path.hasSuffix("/sluice-report.json")
    }
    #expect(throws: (any Error).self) { try merge.run("half") }
    disk.end()
    #expect(try Directory.list(merge.output("half")).contains { $0.name.hasPrefix("model-") })
    try merge.run(
      "half", change: { $0.startsOver = true },
      changeRecipe: { $0.method.shardSize = ByteCount(1 << 20) })
    let names = try Directory.list(merge.output("half")).map(\.name)
    #expect(names.contains("model.safetensors"))
    #expect(!names.contains { $0.hasPrefix("model-") })
  }

  @Test("inputs that changed are refused, moved ones are not")
  func inputs() throws {
    // A family of its own, which the other tests do not miss meanwhile.
    let merge = try unfinished("inputs", of: ResumableMerge(in: ScratchDirectory.root))
    let moved = "\(merge.directory)/moved"
    #expect(rename(merge.recipe.models[0].path, moved) == 0)
    let path = try #require(
      try Directory.list(moved).map(\.name).first { $0.hasSuffix(".safetensors") })
    let file = "\(moved)/\(path)"
    var times = [timespec(), timespec(tv_sec: 1, tv_nsec: 5)]
    var status = stat()
    #expect(stat(file, &status) == 0)
    #expect(utimensat(AT_FDCWD, file, &times, 0) == 0)
    let refusal = try failure {
      try merge.run("inputs", changeRecipe: { $0.models[0].path = moved })
    }
    #expect(refusal.exitCode == .badInput)
    #expect(refusal.message.contains("the inputs changed"))
    #expect(refusal.message.contains("input.math.\(path).modified"))
    times = [status.st_atim, status.st_mtim]
    #expect(utimensat(AT_FDCWD, file, &times, 0) == 0)
    // The time of change can be set back, that of the inode cannot.
    let touched = try failure {
      try merge.run("inputs", changeRecipe: { $0.models[0].path = moved })
    }
    #expect(touched.exitCode == .badInput)
    #expect(touched.message.contains("(input.math.\(path))"))
    try merge.run(
      "inputs", change: { $0.inputCheck = .samples }, changeRecipe: { $0.models[0].path = moved })
    let names = try merge.files(of: "inputs").keys
    #expect(Set(names) == Set(merge.expected.keys))
  }

  @Test("models of equal length and time are told apart by their content")
  func fingerprints() throws {
    let scratch = try ScratchDirectory()
    let merge = try RunDirectoryTests.merge.get()
    let names = try merge.recipe.models.map { model in
      let name = try #require(
        try Directory.list(model.path).map(\.name).first { $0.hasSuffix(".safetensors") })
      return "\(model.path)/\(name)"
    }
    var contents: Set<Hash128> = []
    for (position, name) in names.enumerated() {
      try AtomicFile.copy(name, to: scratch("\(position)"))
      contents.insert(try Fingerprint(of: try InputFile.open(scratch("\(position)"))).content)
    }
    #expect(contents.count == names.count)
    #expect(try Fingerprint(of: try InputFile.open(scratch("0"))).byteCount > 0)
  }

  @Test("a manifest of another version, and a foreign journal, are refused")
  func versions() throws {
    let merge = try unfinished("version")
    let path = "\(merge.output("version"))/.sluice/manifest.json"
    let bytes = try InputFile.contents(of: path, byteLimit: 1 << 20)
    let text = String(decoding: bytes, as: UTF8.self)
    let other = text.replacing("\"version\": 1", with: "\"version\": 2, \"facts\": 7")
    try AtomicFile.write(Array(other.utf8), to: path)
    let refusal = try failure { try merge.run("version") }
    #expect(refusal.exitCode == .usage && refusal.message.contains("sluice-manifest 2"))
    try AtomicFile.write(bytes, to: path)
    let journal = "\(merge.output("version"))/.sluice/journal"
    var content = try InputFile.contents(of: journal, byteLimit: 1 << 20)
    content[20] ^= 1
    try AtomicFile.write(content, to: journal)
    #expect(try failure { try merge.run("version") }.exitCode == .usage)
    content[20] ^= 1
    try AtomicFile.write(content, to: journal)
    try merge.run("version")
    #expect(try merge.files(of: "version") == merge.expected)
  }

  @Test("damaged work is found and done again", arguments: [ResumeCheck.sample, .all])
  func damage(check: ResumeCheck) throws {
    let name = "damaged-\(check.rawValue)"
    let merge = try unfinished(name)
    let work = "\(merge.output(name))/.sluice"
    let shards = try Directory.list(work).map(\.name).filter { $0.hasSuffix(".safetensors") }
    let file = try #require(try WorkFile.open(at: "\(work)/\(shards[0])"))
    let end = try file.byteCount()
    try file.write([0xFF, 0xFF], at: end - 2)
    try Directory.removeFile("\(work)/\(shards[1])")
    guard case .merged(let report) = try merge.run(name, change: { $0.resumeCheck = check }) else {
      Issue.record("nothing was done")
      return
    }
    #expect(report.warnings.contains { $0.kind == .damagedWork })
    let files = try merge.files(of: name)
    for (file, content) in merge.expected where file != RunFile.report {
      #expect(files[file] == content, "\(file)")
    }
  }

  @Test("damage after files got their names takes the names back first")
  func damageWhilePublishing() throws {
    let merge = try RunDirectoryTests.merge.get()
    let disk = FailingDisk(under: merge.output("named"), .kill) { call, _ in
      call.kind == .rename && call.path.hasSuffix("/model.safetensors.index.json")
    }
    #expect(throws: (any Error).self) { try merge.run("named") }
    disk.end()
    let name = try #require(
      try Directory.list(merge.output("named")).map(\.name).first { $0.hasSuffix(".safetensors") })
    let file = try #require(try WorkFile.open(at: "\(merge.output("named"))/\(name)"))
    try file.write([0xFF, 0xFF], at: try file.byteCount() - 2)
    try merge.run("named", change: { $0.resumeCheck = .all })
    #expect(try merge.files(of: "named")[name] == merge.expected[name])
    let verifier = CheckpointVerifier(merge.output("named"), threads: 2)
    #expect(try verifier.verify().differences.isEmpty)
  }

  @Test("a work directory that is locked is refused, and its status can be asked")
  func lock() throws {
    let merge = try unfinished("locked")
    let work = "\(merge.output("locked"))/.sluice"
    guard case .taken(let lock) = try FileLock.take("\(work)/lock", note: "process 1") else {
      Issue.record("not locked")
      return
    }
    let refusal = try failure { try merge.run("locked") }
    #expect(refusal.exitCode == .stopped && refusal.message.contains("process 1"))
    #expect(try RunStatus(of: merge.output("locked")).state == .running(holder: "process 1"))
    withExtendedLifetime(lock) {}
  }

  @Test("status counts finished units")
  func status() throws {
    let merge = try unfinished("status")
    let status = try RunStatus(of: merge.output("status"))
    #expect(status.state == .stopped && status.attempts == 1 && status.isPublishing)
    #expect(status.phases.map(\.name) == ["survey", "merge"])
    for phase in status.phases {
      #expect(phase.units == phase.totalUnits && phase.byteCount == phase.totalByteCount)
      #expect(phase.units > 8)
    }
    #expect(throws: PipelineError.self) { try RunStatus(of: merge.directory) }
    #expect(try RunStatus(of: merge.output("expected")).state == .finished)
  }
}
