import SluiceCore
import SluiceFormats
import SluiceRecipe
import SluiceStages
import SluiceTestSupport
import Testing

@testable import SluicePlan

@Suite("Parts of plans")
struct PlanSliceTests {
  private static func plan() throws -> (ScratchDirectory, MergePlan) {
    let directory = try ScratchDirectory()
    let merge = TinyMerge(FamilySpec(seed: 3).build())
    try merge.write(to: directory)
    var options = RunOptions(threads: 1)
    options.stripElements = Granularity.grainElements
    options.spill = .off
    return (directory, try MergePlan(try merge.recipe(in: directory), options: options))
  }

  private static func slice(_ plan: MergePlan, _ share: ShareCut.Share) -> PlanSlice {
    PlanSlice(
      of: plan, share, contents: plan.tensors.files.indices.map { Hash128(of: [UInt8($0)]) })
  }

  @Test("have the tensors of a share, and give back what was written")
  func roundTrip() throws {
    let (directory, plan) = try Self.plan()
    defer { withExtendedLifetime(directory) {} }
    #expect(PlanSlice.isPossible(plan))
    for share in ShareCut(plan.tensors, count: 3).shares {
      let slice = Self.slice(plan, share)
      #expect(slice.tasks.map(\.ordinal) == share.tasks)
      for task in slice.tasks {
        let whole = plan.tasks[task.ordinal]
        #expect(task.name == whole.name && task.firstStrip == whole.firstStrip)
        for (own, other) in zip([task.base] + task.fineTuned, [whole.base] + whole.fineTuned) {
          #expect(own?.byteRange == other?.byteRange && own?.dtype == other?.dtype)
          guard let own, let other else { continue }
          let path = plan.tensors.files[other.file].path
          #expect(path.hasSuffix("/\(slice.files[own.file].name)"))
        }
      }
      var read = try #require(PlanSlice(head: slice.headBytes))
      let middle = slice.tasks.count / 2
      for tasks in [slice.tasks[..<middle], slice.tasks[middle...]] {
        let isAdded = read.add(tasks: slice.taskBytes(tasks))
        #expect(isAdded)
      }
      #expect(read == slice)
    }
  }

  @Test("that are cut off are none")
  func cutOff() throws {
    let (directory, plan) = try Self.plan()
    defer { withExtendedLifetime(directory) {} }
    let slice = Self.slice(plan, ShareCut(plan.tensors, count: 1).shares[0])
    let (head, tasks) = (slice.headBytes, slice.taskBytes(slice.tasks[..<3]))
    for length in 0..<head.count { #expect(PlanSlice(head: Array(head.prefix(length))) == nil) }
    #expect(PlanSlice(head: head + [0]) == nil)
    var whole = 0
    for length in 0...tasks.count {
      var read = try #require(PlanSlice(head: head))
      if read.add(tasks: Array(tasks.prefix(length))) { whole += 1 }
    }
    // Behind each of the three, and before the first.
    #expect(whole == 4)
  }

  @Test("numbers that are seldom large come back, and nothing else is one")
  func packed() {
    for number in [0, 1, 127, 128, 300, 16383, 16384, 1 << 35, .max] {
      var bytes: [UInt8] = []
      bytes.append(packed: number)
      var reader = ByteReader(bytes)
      let found = reader.packedCount()
      #expect(found == number && reader.isAtEnd)
      var short = ByteReader(Array(bytes.dropLast()))
      let none = short.packedCount()
      #expect(none == nil)
    }
    var endless = ByteReader([UInt8](repeating: 0xFF, count: 12))
    let none = endless.packedCount()
    #expect(none == nil)
  }
}
