import SluiceCore
import SluiceFormats
import SluicePlan
import SluiceRun
import SluiceRecipe
import SluiceTestSupport
import Testing

@Suite("Estimates of plans")
struct PlanTimeTests {
  private static let family = {
    var spec = FamilySpec(seed: 3)
    // Layers of more than a grain, as many as a measurement needs.
    spec.intermediateSize = 2800
    return spec.build()
  }()

  @Test("are made from what the machine does now, and leave nothing behind")
  func estimate() throws {
    let directory = try ScratchDirectory()
    let merge = TinyMerge(PlanTimeTests.family)
    try merge.write(to: directory)
    let before = try DirectorySnapshot(directory.path)
    let plan = try MergePlan(try merge.recipe(in: directory), options: RunOptions(threads: 2))
    let output = directory("some/where/out")
    let explanation = PlanExplanation(plan, output: output)
    #expect(try DirectorySnapshot(directory.path) == before)

    let speed = try #require(explanation.speed)
    #expect(speed.cache > 0 && speed.counting > 0 && speed.merging > 0)
    #expect((0...1).contains(speed.cachedShare))
    var seconds = 0.0
    for pass in explanation.passes where !pass.isConditional {
      #expect(pass.seconds > 0)
      #expect(["reading", "computing", "writing"].contains(pass.bound))
      seconds += pass.seconds
    }
    #expect(abs(explanation.seconds - seconds) < 1e-9 && !explanation.isLowerBound)
  }

  @Test("are not made for what is too small to measure")
  func small() throws {
    let directory = try ScratchDirectory()
    let merge = TinyMerge(FamilySpec(seed: 3).build())
    try merge.write(to: directory)
    let plan = try MergePlan(try merge.recipe(in: directory), options: RunOptions(threads: 2))
    let explanation = PlanExplanation(plan, output: directory("out"))
    #expect(explanation.speed == nil && explanation.seconds == 0)
  }

  /// Whether the disk of scratch directories has files without a name, which probes are made of.
  private static let hasUnnamedFiles =
    write(in: ScratchDirectory.root, byteLimit: 4096) { _ in true } != nil

  /// Writes blocks of a page.
  private static func write(
    in directory: String, byteLimit: Int, while shouldGoOn: (Int) -> Bool
  ) -> Int? {
    let block = UnsafeMutableRawBufferPointer.allocate(byteCount: 4096, alignment: 4096)
    defer { block.deallocate() }
    return WriteProbe.write(block, in: directory, byteLimit: byteLimit, while: shouldGoOn)
  }

  @Test(
    "a probe of writing writes what it may, and leaves no file",
    .enabled(if: hasUnnamedFiles, "the file system has no files without a name"))
  func probe() throws {
    let directory = try ScratchDirectory()
    #expect(Self.write(in: directory.path, byteLimit: 70_000) { _ in true } == 69_632)
    #expect(Self.write(in: directory.path, byteLimit: 70_000) { $0 < 8192 } == 8192)
    // Nothing was tried.
    #expect(Self.write(in: directory.path, byteLimit: 70_000) { _ in false } == nil)
    #expect(try Directory.list(directory.path).isEmpty)
  }

  @Test("a probe says nothing where it cannot be made") func noProbe() throws {
    let directory = try ScratchDirectory()
    #expect(Self.write(in: directory("missing"), byteLimit: 8192) { _ in true } == nil)
  }

  @Test("a file that was just written is in the page cache")
  func cached() throws {
    let directory = try ScratchDirectory(in: ScratchDirectory.diskRoot)
    let path = try directory.write([UInt8](repeating: 7, count: 100_000), to: "file")
    let file = try InputFile.open(path)
    #expect(file.cachedShare(of: 0..<100_000) > 0.9)
    #expect(file.cachedShare(of: 5..<5) == 1)
    if ScratchDirectory.diskRoot != nil {
      file.dropCachedPages(in: 0..<100_000)
      // Only advice, and the last page is not whole.
      #expect(file.cachedShare(of: 0..<98_304) < 0.5)
    }
  }
}
