import Glibc
import SluiceFormats
import SluiceTestSupport
import Testing

@Suite struct OutputFileTests {
  /// Memory that starts at a chosen distance from a page.
  private func withBuffer(
    _ bytes: [UInt8], distance: Int, _ body: (UnsafeRawBufferPointer) throws -> Void
  ) rethrows {
    let memory = UnsafeMutableRawBufferPointer.allocate(
      byteCount: bytes.count + distance, alignment: 4096)
    defer { memory.deallocate() }
    let part = UnsafeMutableRawBufferPointer(rebasing: memory[distance...])
    part.copyBytes(from: bytes)
    try body(UnsafeRawBufferPointer(part))
  }

  @Test(
    "bytes written around the cache and through it are the same, at any offset",
    arguments: [0, 1, 511, 4096, 5000], [0, 1, 904, 4095])
  func sameBytes(_ offset: Int, _ distance: Int) throws {
    let scratch = try ScratchDirectory(in: ScratchDirectory.diskRoot)
    let bytes = noise(300_001)
    for count in [1, 100, 4096, 12_288, 300_001] {
      let part = Array(bytes[..<count])
      let expected =
        [UInt8](repeating: 0, count: offset) + part + [UInt8](repeating: 0, count: 777)
      for isDirect in [true, false] {
        let file = try OutputFile.create(
          at: scratch("t"), byteCount: expected.count, isDirect: isDirect)
        try withBuffer(part, distance: distance) { try file.write($0, at: offset) }
        try file.publish(to: scratch("a"))
        #expect(try scratch.read("a") == expected)
      }
    }
    #expect(try FileStatus.of(scratch("t")) == nil)
  }

  @Test("ranges that share pages may be written from several threads in any order")
  func concurrentWrites() async throws {
    let scratch = try ScratchDirectory(in: ScratchDirectory.diskRoot)
    let bytes = noise(1_000_003)
    let file = try OutputFile.create(at: scratch("t"), byteCount: bytes.count)
    let borders = [0, 8, 4000, 70_000, 70_001, 266_609, 500_000, 528_753, 999_999, 1_000_003]
    try await withThrowingTaskGroup(of: Void.self) { group in
      for (start, end) in zip(borders, borders.dropFirst()).reversed() {
        group.addTask {
          try withBuffer(Array(bytes[start..<end]), distance: start % 4096) {
            try file.write($0, at: start)
          }
        }
      }
      try await group.waitForAll()
    }
    try file.publish(to: scratch("a"))
    #expect(try scratch.read("a") == bytes)
  }

  @Test("write-back behind a long buffered file keeps its bytes")
  func writeBack() throws {
    let scratch = try ScratchDirectory()
    let chunk = noise(4 << 20)
    let file = try OutputFile.create(
      at: scratch("t"), byteCount: 12 * chunk.count, isDirect: false)
    for index in (0..<12).reversed() {
      try withBuffer(chunk, distance: 0) { try file.write($0, at: index * chunk.count) }
    }
    try file.publish(to: scratch("a"))
    let input = try InputFile.open(scratch("a"))
    for index in 0..<12 {
      let range = index * chunk.count..<(index + 1) * chunk.count
      #expect(try input.bytes(in: range) == chunk)
    }
  }

  @Test("permissions are those that the umask leaves")
  func permissions() throws {
    let scratch = try ScratchDirectory()
    let file = try OutputFile.create(at: scratch("t"), byteCount: 10)
    try file.publish(to: scratch("a"))
    try scratch.write([1], to: "b")
    // Another way to the umask than umask(2), which would change it for all threads.
    let text = String(decoding: try procStatus(), as: UTF8.self)
    let line = try #require(text.split(separator: "\n").first { $0.hasPrefix("Umask:") })
    let mask = try #require(UInt32(line.dropFirst(6).filter { $0 != "\t" && $0 != " " }, radix: 8))
    for name in ["a", "b"] {
      #expect(try FileStatus.of(scratch(name))?.permissions == 0o666 & ~mask)
    }
  }

  private func procStatus() throws -> [UInt8] {
    let stream = try #require(fopen("/proc/self/status", "r"))
    defer { fclose(stream) }
    var bytes = [UInt8](repeating: 0, count: 8192)
    return Array(bytes[..<fread(&bytes, 1, bytes.count, stream)])
  }

  @Test("a stopped run's file is opened again with what it holds")
  func reopening() throws {
    let scratch = try ScratchDirectory()
    let path = scratch("t")
    #expect(try OutputFile.reopen(at: path, byteCount: 10) == nil)
    var file: OutputFile? = try OutputFile.create(at: path, byteCount: 10)
    try [UInt8]("abc".utf8).withUnsafeBytes { try file?.write($0, at: 2) }
    try file?.sync()
    file = nil
    #expect(try OutputFile.reopen(at: path, byteCount: 11) == nil)
    let again = try #require(try OutputFile.reopen(at: path, byteCount: 10))
    try [UInt8]("z".utf8).withUnsafeBytes { try again.write($0, at: 9) }
    var found = [UInt8](repeating: 1, count: 10)
    try found.withUnsafeMutableBytes { try again.read(into: $0, at: 0) }
    #expect(found == [0, 0, 97, 98, 99, 0, 0, 0, 0, 122])
    again.discard()
    #expect(try FileStatus.of(path) == nil)
  }

  @Test("a file that a stopped run left is replaced, a link is not followed")
  func leftovers() throws {
    let scratch = try ScratchDirectory()
    try scratch.write([1, 2, 3], to: "other")
    #expect(symlink(scratch("other"), scratch("t")) == 0)
    let file = try OutputFile.create(at: scratch("t"), byteCount: 2)
    try file.publish(to: scratch("a"))
    #expect(try scratch.read("a") == [0, 0])
    #expect(try scratch.read("other") == [1, 2, 3])
  }

  @Test("a full disk is seen before the first byte, and no file is left")
  func fullDisk() throws {
    let scratch = try ScratchDirectory()
    let free = try FileSystem.freeByteCount(at: scratch.path)
    let error = #expect(throws: FormatError.self) {
      try OutputFile.create(at: scratch("t"), byteCount: free + (1 << 40))
    }
    let failure = try #require(error?.failure)
    #expect(failure.exitCode == .inputOutput && failure.systemError == ENOSPC)
    #expect(failure.message.hasPrefix("\(free + (1 << 40)) bytes needed, "))
    #expect(try FileStatus.of(scratch("t")) == nil)
  }

  @Test("a file of no bytes is published")
  func emptyFile() throws {
    let scratch = try ScratchDirectory()
    let file = try OutputFile.create(at: scratch("t"), byteCount: 0)
    try file.write(UnsafeRawBufferPointer(start: nil, count: 0), at: 0)
    try file.publish(to: scratch("a"))
    #expect(try scratch.read("a").isEmpty)
  }

  @Test("a directory that does not exist is an error that names the path")
  func noDirectory() throws {
    let scratch = try ScratchDirectory()
    let path = scratch("none/t")
    let error = #expect(throws: FormatError.self) {
      try OutputFile.create(at: path, byteCount: 1)
    }
    #expect(error?.failure.message == "cannot create: No such file or directory")
    #expect(error?.failure.subject.file == path)
  }
}
