import SluiceArchitecture
import SluiceCore
import SluiceFormats
import SluicePlan
import SluiceRecipe
import SluiceRun
import SluiceStages
import SluiceTestSupport
import Testing

@Suite("How a merge is cut into shares")
struct ShareCutTests {
  private static let counts = [1, 2, 3, 7, 16, 64, 512]

  /// Tensors of a plan with several shards: some of whole pages, some not, one empty.
  private static func plan(_ seed: UInt64 = 3) throws -> (ScratchDirectory, MergePlan) {
    let directory = try ScratchDirectory()
    var spec = FamilySpec(seed: seed)
    spec.hiddenSize = 128
    spec.intermediateSize = 1100
    spec.vocabularySize = 1200
    spec.layerCount = 2
    let merge = TinyMerge(spec.build())
    try merge.write(to: directory)
    var recipe = try merge.recipe(in: directory)
    recipe.method.shardSize = ByteCount(1_000_000)
    var options = RunOptions(threads: 1)
    options.stripElements = Granularity.grainElements
    options.spill = .off
    return (directory, try MergePlan(recipe, options: options))
  }

  @Test(
    "every strip is in one share, and every share has the tensors of its strips", arguments: counts)
  func cover(count: Int) throws {
    let (directory, plan) = try Self.plan()
    defer { withExtendedLifetime(directory) {} }
    let cut = ShareCut(plan.tensors, count: count)
    #expect(cut.shares.count == count)
    #expect(cut.shares.flatMap(\.strips).sorted() == Array(0..<plan.tensors.stripCount))
    let owners = Dictionary(
      uniqueKeysWithValues: plan.tensors.strips.map { ($0.ordinal, $0.task.ordinal) })
    for share in cut.shares {
      #expect(Set(share.strips.compactMap { owners[$0] }).sorted() == share.tasks)
      #expect(share.strips == share.strips.sorted())
    }
  }

  @Test("what a pass before the last looks at is never divided, other tensors are")
  func whole() throws {
    let (directory, plan) = try Self.plan()
    defer { withExtendedLifetime(directory) {} }
    let cut = ShareCut(plan.tensors, count: 64)
    let looked = Set(plan.linearTasks.map(\.ordinal))
    #expect(!looked.isEmpty)
    for task in plan.tasks {
      let owners = cut.shares.filter { $0.tasks.contains(task.ordinal) }.count
      if looked.contains(task.ordinal) { #expect(owners == 1, "\(task.name)") }
    }
    let divided = plan.tasks.filter { task in
      cut.shares.filter { $0.tasks.contains(task.ordinal) }.count > 1
    }
    #expect(!divided.isEmpty)
  }

  @Test("where a pass looks at blocks, these are not divided either")
  func blocks() throws {
    let (directory, merge) = try Self.plan()
    defer { withExtendedLifetime(directory) {} }
    var recipe = merge.recipe
    recipe.method.rates = .owl
    let plan = try MergePlan(recipe, options: merge.options)
    let cut = ShareCut(plan.tensors, count: 64)
    var owners: [String: Set<Int>] = [:]
    for (number, share) in cut.shares.enumerated() {
      for task in plan.linearTasks where share.tasks.contains(task.ordinal) {
        owners[BlockName.block(of: task.name), default: []].insert(number)
      }
    }
    #expect(owners.count == 2)
    #expect(owners.values.allSatisfy { $0.count == 1 })
    #expect(cut.shares.flatMap(\.strips).sorted() == Array(0..<plan.tensors.stripCount))
  }

  @Test("no two shares write to one page of a file", arguments: counts)
  func pages(count: Int) throws {
    let (directory, plan) = try Self.plan()
    defer { withExtendedLifetime(directory) {} }
    let cut = ShareCut(plan.tensors, count: count)
    var owners: [String: Int] = [:]
    let strips = Dictionary(uniqueKeysWithValues: plan.tensors.strips.map { ($0.ordinal, $0) })
    for (number, share) in cut.shares.enumerated() {
      for strip in share.strips.compactMap({ strips[$0] }) where strip.outputByteCount > 0 {
        let first = strip.outputOffset / ShardLayout.alignment
        let last = (strip.outputOffset + strip.outputByteCount - 1) / ShardLayout.alignment
        for page in first...last {
          let key = "\(strip.task.outputShard) \(page)"
          #expect((owners[key] ?? number) == number, "page \(key) of \(strip.task.name)")
          owners[key] = number
        }
      }
    }
    #expect(plan.layout.shards.count > 1)
  }

  @Test("the largest share is the first, and none is larger than its part and the largest piece")
  func balance() throws {
    let (directory, plan) = try Self.plan()
    defer { withExtendedLifetime(directory) {} }
    let total = ShareCut(plan.tensors, count: 1).shares[0].byteCount
    let strips = plan.tensors.strips.reduce(0) { $0 + $1.inputByteCount + $1.outputByteCount }
    #expect(total == strips)
    // As many shares as there is no end of: each piece is alone.
    let largest = ShareCut(plan.tensors, count: 10_000).shares[0].byteCount
    for count in Self.counts {
      let sizes = ShareCut(plan.tensors, count: count).shares.map(\.byteCount)
      #expect(sizes == sizes.sorted(by: >))
      #expect(sizes.reduce(0, +) == total)
      #expect(sizes[0] <= total / count + largest + 1)
    }
  }

  @Test("whoever plans the same cuts alike, whatever the memory and the lanes are")
  func pure() throws {
    let (directory, plan) = try Self.plan()
    var options = plan.options
    options.threads = 5
    options.memory = .mebibytes(64)
    let other = try MergePlan(plan.recipe, options: options)
    #expect(ShareCut(other.tensors, count: 7) == ShareCut(plan.tensors, count: 7))
    #expect(ShareCut(other.tensors, count: 7) != ShareCut(plan.tensors, count: 6))
    withExtendedLifetime(directory) {}
  }

  @Test("numbers of shares are listed as engines read them")
  func lists() {
    #expect(ShareNumber.list([]) == "")
    #expect(ShareNumber.list([3]) == "3")
    #expect(ShareNumber.list([43, 3, 40, 41, 17, 42]) == "3,17,40-43")
  }

  @Test("a number of a share is I/N with I below N", arguments: ["0/1", "6/7", "511/512"])
  func numbers(text: String) {
    #expect(ShareNumber(text) != nil)
  }

  @Test(
    "what is no number of a share is none",
    arguments: ["", "/", "1", "1/", "/1", "1/1", "-1/2", "0/0", "0/100001", "1/2/3", "a/b"])
  func noNumbers(text: String) {
    #expect(ShareNumber(text) == nil)
  }
}
