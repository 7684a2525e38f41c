import Glibc
import SluiceFormats
import SluicePlan
import SluiceStages
import SluiceTestSupport
import Testing

@Suite("How inputs are read")
struct InputChoiceTests {
  private func file(_ scratch: ScratchDirectory, _ name: String) throws -> InputFile {
    let bytes = (0..<1 << 20).map { UInt8(truncatingIfNeeded: $0 &* 7) }
    return try InputFile.open(try scratch.write(bytes, to: name))
  }

  @Test(
    "is around the page cache where inputs exceed it and are not there",
    .enabled(if: ScratchDirectory.diskRoot != nil))
  func choice() throws {
    let scratch = try ScratchDirectory(in: ScratchDirectory.diskRoot)
    let files = [try file(scratch, "a"), try file(scratch, "b")]
    let canBe = files.allSatisfy { $0.canBeReadDirectly }
    try #require(canBe)
    #expect(InputChoice(nil, exceedsCache: false, files: files).mode == .pread)
    // Just written, all of it is there.
    let cached = InputChoice(nil, exceedsCache: true, files: files)
    #expect(cached.mode == .pread && cached.reason.contains("lie in the page cache"))
    for file in files {
      let descriptor = open(file.path, O_RDONLY)
      #expect(fsync(descriptor) == 0)
      close(descriptor)
      file.dropCachedPages(in: 0..<file.byteCount)
    }
    #expect(InputChoice(nil, exceedsCache: true, files: files).mode == .direct)
  }

  @Test("is as it was asked for, if that can be", arguments: InputMode.allCases, [true, false])
  func asked(mode: InputMode, exceedsCache: Bool) throws {
    let scratch = try ScratchDirectory(in: ScratchDirectory.diskRoot)
    let choice = InputChoice(mode, exceedsCache: exceedsCache, files: [try file(scratch, "a")])
    #expect(choice.mode == mode && choice.reason == "as asked for")
    let made = InputChoice(
      mode, exceedsCache: exceedsCache, files: [try InputFile.open("/proc/version")])
    #expect(made.mode == (mode == .direct ? .pread : mode))
    if mode == .direct {
      #expect(made.reason == "/proc/version cannot be read around the page cache")
    }
  }
}
