import Glibc
import SluiceCore
import SluiceFormats
import SluiceRun
import SluiceRecipe
import SluiceTestSupport
import Testing

/// What the fast tests do at some of a run's calls, at every one of them.
@Suite("A run that ends or fails at every call that changes the disk")
struct EveryCallTests {
  private static let root = ScratchDirectory.root
  private static let merges = [DType.bf16, .f32].map { dtype in
    Result { try ResumableMerge(in: root, dtype: dtype, threads: dtype == .f32 ? 3 : 1) }
  }
  private static let parts = 8

  @Test("goes on to the same bytes after a kill", arguments: 0..<parts, 0..<2)
  func kills(part: Int, family: Int) throws {
    let merge = try EveryCallTests.merges[family].get()
    for position in stride(from: part, to: try merge.calls().count, by: EveryCallTests.parts) {
      #expect(try merge.problems(afterKillAt: position, losesPower: false) == [])
    }
  }

  @Test("goes on to the same bytes after a loss of power", arguments: 0..<parts, 0..<2)
  func powerLoss(part: Int, family: Int) throws {
    let merge = try EveryCallTests.merges[family].get()
    for position in stride(from: part, to: try merge.calls().count, by: EveryCallTests.parts) {
      #expect(try merge.problems(afterKillAt: position, losesPower: true) == [])
    }
  }

  @Test(
    "fails clearly and goes on after an error of the disk", arguments: 0..<parts,
    [ENOSPC, EIO, EFBIG])
  func faults(part: Int, number: Int32) throws {
    let merge = try EveryCallTests.merges[0].get()
    for position in stride(from: part, to: try merge.calls().count, by: EveryCallTests.parts) {
      #expect(try merge.problems(afterFault: number, at: position) == [])
    }
  }

  @Test("goes on from its journal cut at every record and inside of each")
  func journalCuts() throws {
    let merge = try EveryCallTests.merges[1].get()
    // Right before the first file gets its finished name: all is in the journal.
    let disk = FailingDisk(under: merge.output("full"), .kill) { call, _ in
      call.kind == .rename && call.path.hasSuffix(".safetensors")
    }
    #expect(throws: (any Error).self) { try merge.run("full") }
    disk.end()
    let work = "\(merge.output("full"))/.sluice"
    let journal = try InputFile.contents(of: "\(work)/journal", byteLimit: 1 << 24)
    var cuts: [Int] = []
    var reader = try JournalReader(byteCount: journal.count) { Array(journal[$0]) }
    while try reader.next() != nil {
      cuts += [reader.validByteCount, reader.validByteCount - 1, reader.validByteCount - 30]
    }
    #expect(cuts.count > 60)
    for cut in [0, 1, 31, 32, 33] + cuts {
      let name = "cut-\(cut)"
      try Directory.create("\(merge.output(name))/.sluice")
      for entry in try Directory.list(work) where entry.name != "lock" {
        try AtomicFile.copy(
          "\(work)/\(entry.name)", to: "\(merge.output(name))/.sluice/\(entry.name)")
      }
      let file = try WorkFile.open(at: "\(merge.output(name))/.sluice/journal")
      try #require(file).truncate(to: cut)
      try merge.run(name)
      #expect(try merge.files(of: name) == merge.expected, "cut at \(cut)")
      try Directory.remove(merge.output(name))
    }
  }
}
