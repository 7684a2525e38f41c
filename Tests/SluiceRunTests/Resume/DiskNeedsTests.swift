import SluiceCore
import SluiceFormats
import SluiceTestSupport
import Testing

@testable import SluicePlan
@testable import SluiceRun
@testable import SluiceRecipe

/// A disk on which a run just fits is enough for going on with it, wherever it was killed.
@Suite("The space that is asked for")
struct DiskNeedsTests {
  /// What a directory takes on the disk.
  private func allocated(_ path: String) throws -> Int {
    try Directory.list(path).reduce(0) { sum, entry in
      let status = try FileStatus.of("\(path)/\(entry.name)", followingLinks: false)
      guard let status else { return sum }
      return sum
        + (status.kind == .directory
          ? try allocated("\(path)/\(entry.name)") : status.allocatedByteCount)
    }
  }

  @Test(
    "is no more than what is left of the disk", arguments: [DType.bf16, .f32],
    [RunOptions.SpillOption.off, .on(.none)])
  func left(dtype: DType, spill: RunOptions.SpillOption) throws {
    let merge = try ResumableMerge(in: ScratchDirectory.root, dtype: dtype, spill: spill)
    let plan = try MergePlan(merge.recipe, options: merge.options)
    let total = DiskNeeds(plan, output: merge.output("any")).byteCount
    let callCount = try merge.calls().count
    var least = Int.max
    for position in stride(from: 4, to: callCount, by: callCount / 5) {
      let name = "killed-\(position)"
      let disk = FailingDisk(under: merge.output(name), .kill, at: position)
      _ = try? merge.run(name)
      disk.end()
      // How many calls there are depends on how fast the journal is.
      guard disk.hasStruck else { continue }
      var earlier = MergeProgress()
      let work = "\(merge.output(name))/.sluice"
      if let file = try? WorkFile.open(at: "\(work)/journal", isReadOnly: true) {
        var reader = try JournalReader(file)
        while let record = try reader.next() { earlier.apply(record) }
      }
      let needs = DiskNeeds(plan, output: merge.output(name), finished: earlier.finishedStrips)
      let left = try needs.left(of: needs.parts)
      let there = try FileStatus.of(merge.output(name)) == nil ? 0 : allocated(merge.output(name))
      #expect(left <= max(0, total - there), "killed at call \(position) of \(callCount)")
      least = min(least, left)
      try? Directory.remove(merge.output(name))
    }
    // At the end next to nothing is asked for.
    #expect(least < total / 2)
  }
}
