import SluiceCore
import SluiceFormats
import SluiceTestSupport
import Testing

@testable import SluicePlan
@testable import SluiceRun
@testable import SluiceRecipe

/// How often a run waits for the disk, and in which order: what a tiny merge mostly costs.
@Suite("Waiting for the disk")
struct SyncTests {
  private static let merge = Result { try ResumableMerge(in: ScratchDirectory.root) }

  /// The calls of a run with one group of records, each file by its name in the output.
  private func calls(_ name: String, shardByteLimit: Int = 1 << 30) throws -> [String] {
    let merge = try SyncTests.merge.get()
    let disk = FailingDisk(under: merge.output(name))
    defer { disk.end() }
    try merge.run(
      name, change: { $0.journalPace.interval = .seconds(1000) },
      changeRecipe: { $0.method.shardSize = ByteCount(shardByteLimit) })
    return disk.calls.filter { [.sync, .rename].contains($0.kind) }.map { call in
      let inside = call.path.dropFirst(merge.output(name).utf8.count + 1)
      // The process is part of temporary names.
      let parts = inside.split(separator: ".", omittingEmptySubsequences: false)
      let file = parts.filter { Int($0) == nil }.joined(separator: ".")
      return "\(call.kind.rawValue) \(file.isEmpty ? "." : file)"
    }
  }

  @Test("a merge of one shard waits for each file once, and for the directory three times")
  func oneShard() throws {
    #expect(
      try calls("one") == [
        // What the run is, and the list of what is finished.
        "sync .", "sync .sluice/.manifest.json.partial", "rename .sluice/manifest.json",
        "sync .sluice/.journal.partial", "rename .sluice/journal", "sync .sluice",
        // The only group of records: first the data, in whatever order, then the records.
        "sync .sluice/model.safetensors", "sync .sluice", "sync .sluice/statistics",
        "sync .sluice/journal",
        // Which files get names; then small files together, and what loaders look for after them.
        "sync .sluice", "sync .sluice/names",
        "sync .sluice/.config.json.partial", "sync .sluice/.sluice-recipe.yaml.partial",
        "sync .sluice/.sluice-report.json.partial", "rename config.json",
        "rename sluice-recipe.yaml", "rename sluice-report.json", "sync .",
        "rename model.safetensors", "sync .",
        // The work directory is gone.
        "sync .",
      ])
  }

  @Test("shards have their names before the report does, and all that before the index")
  func manyShards() throws {
    let calls = try calls("many", shardByteLimit: 200_000)
    let report = try #require(calls.firstIndex(of: "rename sluice-report.json"))
    let index = try #require(calls.firstIndex(of: "rename model.safetensors.index.json"))
    let shards = calls.indices.filter { calls[$0].hasPrefix("rename model-") }
    #expect(shards.count > 1 && shards.allSatisfy { $0 < report })
    #expect(calls[report..<index].contains("sync ."))
    #expect(calls[index...].contains("sync ."))
  }

  @Test("a hundred small files beside the base cost a wait for each, and four for their names")
  func manySmallFiles() throws {
    let merge = try ResumableMerge(in: ScratchDirectory.root)
    for number in 0..<100 {
      try AtomicFile.write(
        Array("text \(number)".utf8), to: "\(merge.recipe.base)/vocabulary-\(number).txt")
    }
    let disk = FailingDisk(under: merge.output("small"))
    defer { disk.end() }
    try merge.run("small", changeRecipe: { $0.method.shardSize = ByteCount(1 << 30) })
    let calls = disk.calls
    let syncs = calls.filter { $0.kind == .sync }
    #expect(syncs.count { $0.path.contains(".sluice/.vocabulary-") } == 100)
    let first = try #require(calls.firstIndex { $0.path.hasSuffix("small/vocabulary-0.txt") })
    let last = try #require(calls.lastIndex { $0.path.contains("small/vocabulary-") })
    let names = calls[first...last].filter {
      $0.kind == .sync && $0.path == merge.output("small")
    }
    #expect(names.count == 3)
    for number in 0..<100 {
      let path = "\(merge.output("small"))/vocabulary-\(number).txt"
      #expect(try InputFile.contents(of: path, byteLimit: 100) == Array("text \(number)".utf8))
    }
  }
}
