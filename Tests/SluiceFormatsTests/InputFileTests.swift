import Glibc
import SluiceCore
import SluiceFormats
import SluiceTestSupport
import Testing

@Suite struct InputFileTests {
  private let content = noise(20_000)

  @Test("windows and reads at odd offsets give exactly the asked bytes")
  func oddRanges() throws {
    let scratch = try ScratchDirectory()
    let file = try InputFile.open(try scratch.write(content, to: "a"))
    for range in [0..<20_000, 1..<2, 4095..<4097, 4096..<8192, 8191..<19_999, 19_999..<20_000] {
      for (populate, drop) in [(false, false), (true, true)] {
        let window = try file.map(range, populate: populate, dropsCachedPages: drop)
        #expect(window.bytes.elementsEqual(content[range]))
        window.release()
        window.release()
      }
      #expect(try file.bytes(in: range) == Array(content[range]))
    }
    for empty in [0..<0, 4096..<4096, 20_000..<20_000] {
      let window = try file.map(empty)
      #expect(window.bytes.isEmpty)
      window.release()
      #expect(try file.bytes(in: empty) == [])
    }
  }

  /// Reads a range around the page cache.
  private func readDirectly(_ range: Range<Int>, of file: InputFile) throws -> [UInt8]? {
    let buffer = UnsafeMutableRawBufferPointer.allocate(
      byteCount: range.count + InputFile.directSlack, alignment: 4096)
    defer { buffer.deallocate() }
    guard let start = try file.readDirectly(range, into: buffer) else { return nil }
    return Array(buffer[start..<(start + range.count)])
  }

  @Test(
    "reads around the page cache give exactly the asked bytes, and leave nothing there",
    .enabled(if: ScratchDirectory.diskRoot != nil))
  func direct() throws {
    let scratch = try ScratchDirectory(in: ScratchDirectory.diskRoot)
    let bytes = noise((1 << 20) + 77)
    let file = try InputFile.open(try scratch.write(bytes, to: "a"))
    try #require(file.canBeReadDirectly)
    try dropFromCache(file)
    for range in [
      0..<bytes.count, 1..<2, 4095..<4097, 4096..<8192, 8191..<300_001, 1_048_575..<bytes.count,
      bytes.count - 1..<bytes.count,
    ] {
      #expect(try readDirectly(range, of: file) == Array(bytes[range]), "\(range)")
    }
    #expect(file.cachedShare(of: 0..<bytes.count) == 0)
    #expect(throws: FormatError.self) {
      try readDirectly(bytes.count - 1..<bytes.count + 4096, of: file)
    }
  }

  @Test("what cannot be read around the page cache says so")
  func notDirect() throws {
    // Files that are made as they are read have no pages on a disk.
    let made = try InputFile.open("/proc/version")
    #expect(!made.canBeReadDirectly)
    // Nor is there another way for bytes that others read, too.
    let scratch = try ScratchDirectory()
    let file = try InputFile.open(try scratch.write(content, to: "a"))
    file.share(SharedReads(capacity: 1 << 16))
    #expect(!file.canBeReadDirectly)
    #expect(try readDirectly(0..<100, of: file) == nil)
  }

  /// Has a file's pages written and forgotten.
  private func dropFromCache(_ file: InputFile) throws {
    let descriptor = Glibc.open(file.path, O_RDONLY)
    defer { close(descriptor) }
    #expect(fsync(descriptor) == 0)
    file.dropCachedPages(in: 0..<file.byteCount.roundedUp(to: 4096))
  }

  @Test("a released window cannot be read")
  func releasedWindow() async throws {
    // So that the end of the other process can only be the trap.
    #expect(try InputFile.open("/proc/self/exe").map(0..<3).bytes.count == 3)
    await #expect(processExitsWith: .failure) {
      // A file that needs no cleaning up: this process ends at the trap.
      let window = try InputFile.open("/proc/self/exe").map(0..<3)
      window.release()
      _ = window.bytes
    }
  }

  @Test("a window outlives the caller's reference to its file")
  func windowKeepsFile() throws {
    let scratch = try ScratchDirectory()
    let window = try InputFile.open(try scratch.write(content, to: "a")).map(3..<9_000)
    #expect(window.bytes.elementsEqual(content[3..<9_000]))
  }

  @Test(
    "pages behind a released window leave the cache where that was asked for",
    .enabled(if: ScratchDirectory.diskRoot != nil))
  func droppedPages() throws {
    let scratch = try ScratchDirectory(in: ScratchDirectory.diskRoot)
    let bytes = noise(1 << 20)
    let file = try InputFile.open(try scratch.write(bytes, to: "a"))
    func residentPageCount() throws -> Int {
      let window = try file.map(0..<bytes.count)
      var flags = [UInt8](repeating: 0, count: bytes.count / 4096)
      let address = UnsafeMutableRawPointer(mutating: try #require(window.bytes.baseAddress))
      let result = mincore(address, bytes.count, &flags)
      #expect(result == 0)
      return flags.filter { $0 & 1 == 1 }.count
    }
    let window = try file.map(0..<bytes.count, populate: true, dropsCachedPages: true)
    #expect(window.bytes.elementsEqual(bytes))
    #expect(try residentPageCount() == bytes.count / 4096)
    window.release()
    #expect(try residentPageCount() < bytes.count / 4096)
    let again = try file.map(0..<bytes.count)
    #expect(again.bytes.elementsEqual(bytes))
  }

  @Test("a file that shrank is an error that names file and range")
  func shrunkFile() throws {
    let scratch = try ScratchDirectory()
    let file = try InputFile.open(try scratch.write(content, to: "a"))
    #expect(truncate(file.path, 5_000) == 0)
    let error = #expect(throws: FormatError.self) { try file.bytes(in: 4_000..<6_000) }
    let failure = try #require(error?.failure)
    #expect(failure.message.hasPrefix("expected 2000 bytes, found 1000"))
    #expect(failure.subject.byteRange == 4_000..<6_000)
    #expect(failure.subject.file == file.path)
    #expect(failure.exitCode == .inputOutput)
  }

  @Test("a file's status tells whether it is the same, unchanged, file")
  func status() throws {
    let scratch = try ScratchDirectory()
    let path = try scratch.write(content, to: "a")
    let file = try InputFile.open(path)
    #expect(try FileStatus.of(path) == file.status)
    #expect(file.status.byteCount == content.count && file.status.kind == .regularFile)
    try scratch.write(content, to: "a")
    #expect(try FileStatus.of(path) != file.status)
    #expect(try FileStatus.of(scratch("b")) == nil)
  }

  @Test("a path that cannot be opened is bad input, with the system's words")
  func wrongPath() throws {
    let error = #expect(throws: FormatError.self) { try InputFile.open("/nonexistent/a") }
    #expect(error?.failure.message == "cannot open: No such file or directory")
    #expect(error?.failure.systemError == ENOENT)
    #expect(error?.failure.exitCode == .badInput)
    let nul = #expect(throws: FormatError.self) { try InputFile.open("/dev/null\0.safetensors") }
    #expect(nul?.failure.message == "a path with a NUL character in it")
  }

  @Test("a pipe without a writer is refused without waiting")
  func pipe() throws {
    let scratch = try ScratchDirectory()
    #expect(mkfifo(scratch("p"), 0o600) == 0)
    let error = #expect(throws: FormatError.self) { try InputFile.open(scratch("p")) }
    #expect(error?.failure.message == "expected a regular file, found a pipe")
  }
}
