import Foundation
import SluiceCore
import SluiceFormats
import SluiceTestSupport
import Testing

@testable import SluicePlan
@testable import SluiceRun
@testable import SluiceRecipe

/// What lies in an output directory may come from somebody else, like the checkpoints.
@Suite("Hostile files of runs")
struct HostileRunTests {
  private func directory(_ work: [String: [UInt8]] = [:]) throws -> ScratchDirectory {
    let scratch = try ScratchDirectory()
    try Directory.create(scratch(".sluice"))
    for (name, bytes) in work { try Data(bytes).write(to: URL(fileURLWithPath: scratch(name))) }
    return scratch
  }

  private func failure(_ body: () throws -> Void) throws -> Failure {
    let error = #expect(throws: (any Error).self) { try body() }
    return try #require(error as? any SluiceError).failure
  }

  private static let manifest: Manifest = {
    var manifest = Manifest()
    for name in ["merge.units", "merge.bytes"] { manifest.add(note: name, "4") }
    return manifest
  }()

  @Test("a status can be asked whatever the journal says", arguments: HostileJournal.allCases)
  func status(journal: HostileJournal) throws {
    let scratch = try directory([
      ".sluice/manifest.json": Self.manifest.json,
      ".sluice/journal": journal.bytes(manifest: Self.manifest.identity),
    ])
    let status = try RunStatus(of: scratch(""))
    #expect(status.state == .stopped && status.seconds >= 0 && status.seconds <= 4)
    #expect((0...4).contains(status.attempts))
    #expect(status.phases.count <= 65 && status.phases.allSatisfy { $0.byteCount >= 0 })
  }

  @Test("a run goes on beside a journal that says too much", arguments: HostileJournal.allCases)
  func resume(journal: HostileJournal) throws {
    let merge = try HostileRunTests.merge.get()
    let name = "hostile-\(journal.rawValue)"
    let disk = FailingDisk(under: merge.output(name), .kill) { call, _ in
      call.kind == .rename && call.path.hasSuffix(".safetensors")
    }
    #expect(throws: (any Error).self) { try merge.run(name) }
    disk.end()
    let work = "\(merge.output(name))/.sluice"
    guard case .manifest(let manifest) = try Manifest.read("\(work)/manifest.json") else {
      Issue.record("no manifest")
      return
    }
    try AtomicFile.write(journal.bytes(manifest: manifest.identity), to: "\(work)/journal")
    try merge.run(name)
    let files = try merge.files(of: name)
    for (file, content) in merge.expected where file != RunFile.report {
      #expect(files[file] == content, "\(file)")
    }
  }

  private static let merge = Result { try ResumableMerge(in: "/tmp") }

  @Test("notes that announce nothing are none")
  func announcements() throws {
    var manifest = Manifest()
    for name in [".units", String(repeating: "n", count: 300) + ".units", "merge.units"] {
      manifest.add(note: name, "-3")
    }
    for number in 0..<200 { manifest.add(note: "kind \(number).units", "1") }
    let scratch = try directory([".sluice/manifest.json": manifest.json])
    try AtomicFile.write(
      HostileJournal.hugeWork.bytes(manifest: manifest.identity), to: scratch(".sluice/journal"))
    let status = try RunStatus(of: scratch(""))
    #expect(status.phases.count == 64 && status.phases[0].name == "merge")
    #expect(status.phases[0].totalUnits == nil)
  }

  @Test("facts of one name are compared all together")
  func twins() {
    func manifest(_ values: [String]) -> Manifest {
      var manifest = Manifest()
      for value in values { manifest.add(fact: "a", value) }
      return manifest
    }
    #expect(manifest(["1", "2"]).differences(from: manifest(["1", "2"])).isEmpty)
    let found = manifest(["1", "2"]).differences(from: manifest(["1", "3"]))
    #expect(found.map(\.name) == ["a"])
    #expect(found.first?.mine == "1, 2" && found.first?.other == "1, 3")
  }

  @Test("files that are too long are refused before they are read")
  func long() throws {
    let scratch = try directory([".sluice/manifest.json": Self.manifest.json])
    for (name, limit) in [
      (".sluice/journal", 1 << 29), (".sluice/manifest.json", 1 << 28),
      (RunFile.report, 1 << 29),
    ] {
      let descriptor = open(scratch(name), O_RDWR | O_CREAT, 0o600)
      #expect(ftruncate(descriptor, off_t(limit + 1)) == 0)
      close(descriptor)
      let found = try failure {
        if name == RunFile.report {
          _ = try ReportedShards(scratch(name))
        } else {
          _ = try RunStatus(of: scratch(""))
        }
      }
      #expect(found.exitCode == .badInput && found.subject.file?.hasSuffix(name) == true)
      #expect(found.message.contains("at most"))
    }
  }

  @Test("lists that are longer than any run's are refused")
  func lists() throws {
    func list(_ start: String, _ item: String, _ count: Int, _ end: String) -> [UInt8] {
      Array((start + Array(repeating: item, count: count).joined(separator: ",") + end).utf8)
    }
    let scratch = try directory()
    let reports: [([UInt8], String)] = [
      (
        list(#"{"shards":[{"file":"a","tensors":["#, "{}", (1 << 18) + 1, "]}]}"),
        "a report of more than 262144 tensors"
      ),
      (Array(#"{"shards":[{"file":"a"},{"file":"a"}]}"#.utf8), "lists the file a twice"),
      (list(#"{"explanation":["#, "0", 1 << 16, "]}"), "more than 65536 values"),
      (Array(#"{"explanation":{"seconds":1e300}}"#.utf8), "a number beyond what any run does"),
      (Array(#"{"explanation":{"files":-2}}"#.utf8), "a number beyond what any run does"),
      (
        Array(#"{"explanation":{"memoryLimit":18446744073709551615}}"#.utf8),
        "a number beyond what any run does"
      ),
    ]
    for (bytes, message) in reports {
      try AtomicFile.write(bytes, to: scratch(RunFile.report))
      let found = try failure {
        _ = try ReportedShards(scratch(RunFile.report))
        _ = try PlanExplanation.read(fromReportOf: scratch(""))
      }
      #expect(found.exitCode == .badInput && found.message.contains(message), "\(found.message)")
      #expect(found.remedy == "The file is damaged, or sluice did not write it.")
    }
    let manifest = list(
      #"{"format":"sluice-manifest","version":1,"facts":{"#, #""":0"#, (1 << 20) + 1, "}}")
    try AtomicFile.write(manifest, to: scratch(".sluice/manifest.json"))
    let found = try failure { _ = try RunStatus(of: scratch("")) }
    #expect(found.message == "a manifest of more than 1048576 facts or notes")
  }

  @Test("memory of a report that fits no number is as large as numbers go")
  func sums() throws {
    let scratch = try directory()
    let part = #"{"count":9007199254740992,"bytes":9007199254740992}"#
    let text = "{\"explanation\":{\"memory\":[\(part),\(part)]}}"
    try AtomicFile.write(Array(text.utf8), to: scratch(RunFile.report))
    #expect(try PlanExplanation.read(fromReportOf: scratch("")).plannedMemory == .max)
  }

  @Test("a pipe in the place of a file is refused without waiting")
  func pipes() throws {
    let scratch = try directory([".sluice/manifest.json": Self.manifest.json])
    #expect(mkfifo(scratch(".sluice/journal"), 0o600) == 0)
    let found = try failure { _ = try RunStatus(of: scratch("")) }
    #expect(found.exitCode == .badInput)
    #expect(found.message == "expected a regular file, found a pipe")
  }

  @Test("a work directory that is a link is refused, and what it points to is left as it is")
  func link() throws {
    let merge = try HostileRunTests.merge.get()
    let elsewhere = merge.output("elsewhere")
    try Directory.create(elsewhere)
    try AtomicFile.write([1, 2, 3], to: "\(elsewhere)/precious")
    try Directory.create(merge.output("linked"))
    #expect(symlink(elsewhere, "\(merge.output("linked"))/.sluice") == 0)
    for startsOver in [false, true] {
      let found = try failure {
        try merge.run("linked", change: { $0.startsOver = startsOver })
      }
      #expect(found.exitCode == .usage)
      #expect(found.message.hasSuffix("found a symbolic link"))
    }
    #expect(try Directory.list(elsewhere).map(\.name) == ["precious"])
  }
}
