import Glibc
@testable import SluiceFormats
import SluiceTestSupport
import Testing

@Suite struct SystemTests {
  @Test("a listing tells kinds and sizes, links followed, in byte order")
  func listing() throws {
    let scratch = try ScratchDirectory()
    try scratch.write([1, 2, 3], to: "b")
    try Directory.create(scratch("a/inner"))
    #expect(symlink("b", scratch("c")) == 0)
    #expect(symlink("nowhere", scratch("d")) == 0)
    #expect(symlink("e", scratch("e")) == 0)
    let entries = try Directory.list(scratch.path)
    #expect(entries.map(\.name) == ["a", "b", "c", "d", "e"])
    #expect(
      entries.map { $0.status?.kind } == [.directory, .regularFile, .regularFile, nil, nil])
    #expect(entries.map(\.isLink) == [false, false, true, true, true])
    #expect(entries[1].status?.byteCount == 3 && entries[2].status?.byteCount == 3)
  }

  @Test("directories are made with those above them, and again without harm")
  func creating() throws {
    let scratch = try ScratchDirectory()
    try Directory.create(scratch("x//y/z/"))
    try Directory.create(scratch("x/y/z"))
    #expect(try FileStatus.of(scratch("x/y/z"))?.kind == .directory)
    try scratch.write([], to: "file")
    let error = #expect(throws: FormatError.self) { try Directory.create(scratch("file/x")) }
    #expect(error?.failure.exitCode == .inputOutput)
    #expect(throws: FormatError.self) { try Directory.create(scratch("file")) }
  }

  @Test("removing a directory removes links, not what they point to")
  func removing() throws {
    let scratch = try ScratchDirectory()
    try scratch.write([1], to: "kept")
    try Directory.create(scratch("tree/inner"))
    try scratch.write([1], to: "tree/inner/a")
    #expect(symlink(scratch.path, scratch("tree/link")) == 0)
    try Directory.remove(scratch("tree"))
    try Directory.remove(scratch("tree"))
    #expect(try Directory.list(scratch.path).map(\.name) == ["kept"])
  }

  @Test(
    "a path's directory",
    arguments: [
      ("a", "."), ("/a", "/"), ("a/b", "a"), ("a//b/", "a"), ("/", "/"), ("../a/b", "../a"),
    ])
  func parents(_ path: String, _ parent: String) {
    #expect(Directory.parent(of: path) == parent)
  }

  @Test("the peak of memory grows with what is touched")
  func memory() throws {
    let before = ProcessMemory.peakByteCount
    #expect(before > 1 << 20)
    let count = before + (32 << 20)
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 4096)
    memset(try #require(memory.baseAddress), 1, count)
    #expect(ProcessMemory.peakByteCount >= count)
    #expect(try #require(ProcessMemory.anonymousByteCount) >= count)
    memory.deallocate()
    #expect(try #require(ProcessMemory.availableByteCount) > 1 << 20)
    #expect(try #require(ProcessMemory.mappedFileByteCount) > 0)
  }

  @Test("a field of the kernel's text is read in bytes")
  func memoryField() {
    let text = "Name:\tx\nVmHWMx:\t 1 kB\nVmHWM:\t    5120 kB\nThreads:\t4\nBad:\tx kB\n"
    #expect(ProcessMemory.field("VmHWM", in: text) == 5120 << 10)
    #expect(ProcessMemory.field("VmPeak", in: text) == nil)
    #expect(ProcessMemory.field("Threads", in: text) == nil)
    #expect(ProcessMemory.field("Bad", in: text) == nil)
  }

  @Test("free space is known for a path and refused for none")
  func freeSpace() throws {
    #expect(try FileSystem.freeByteCount(at: "/") > 0)
    #expect(throws: FormatError.self) { try FileSystem.freeByteCount(at: "/nonexistent") }
  }

  @Test("the limit of open files is raised as far as allowed")
  func openFiles() {
    var limit = rlimit()
    #expect(getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0)
    // Lower than it may be, so that there is something to raise.
    limit.rlim_cur = limit.rlim_max - 1
    #expect(setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0)
    let allowed = Int(clamping: limit.rlim_max)
    #expect(OpenFileLimit.raise() == allowed)
    #expect(getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0)
    #expect(Int(clamping: limit.rlim_cur) == allowed)
  }
}
