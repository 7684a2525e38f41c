import Glibc
import SluiceFormats
import SluiceTestSupport
import Testing

@Suite("The end of a file in memory")
struct FileTailTests {
  @Test("what is added comes to the file in blocks, and the rest when it is asked for")
  func blocks() throws {
    let directory = try ScratchDirectory()
    let file = try WorkFile.create(at: directory("file"))
    var tail = FileTail()
    var expected: [UInt8] = []
    for length in [1, 70_000, FileTail.blockByteCount, 3, 90_000, 200_000, 0, 17] {
      let more = (0..<length).map { UInt8(truncatingIfNeeded: expected.count + $0 * 7) }
      tail.bytes += more
      expected += more
      try tail.writeBlocks(to: file)
      #expect(tail.end == expected.count)
      #expect(tail.bytes.count < FileTail.blockByteCount)
      #expect(try file.byteCount() == tail.start)
      #expect(tail.start.isMultiple(of: FileTail.blockByteCount))
    }
    try tail.write(to: file)
    #expect(tail.bytes.isEmpty)
    #expect(try file.bytes(in: 0..<expected.count) == expected)
  }

  @Test("a file is gone on with where it ends, and blocks begin where they would have begun")
  func goingOn() throws {
    let directory = try ScratchDirectory()
    let file = try WorkFile.create(at: directory("file"))
    try file.write([1, 2, 3], at: 0)
    var tail = FileTail(at: 3)
    tail.bytes += Array(repeating: 4, count: FileTail.blockByteCount)
    try tail.writeBlocks(to: file)
    #expect(tail.start == FileTail.blockByteCount)
    #expect(tail.bytes == [4, 4, 4])
    try tail.skip(to: tail.end + 10, of: file)
    tail.bytes.append(5)
    try tail.write(to: file)
    let end = FileTail.blockByteCount + 3
    #expect(try file.byteCount() == end + 11)
    #expect(try file.bytes(in: 2..<4) == [3, 4])
    var last: [UInt8] = Array(repeating: 0, count: 12)
    (last[0], last[11]) = (4, 5)
    #expect(try file.bytes(in: end - 1..<end + 11) == last)
  }

  @Test("what was added to a file is there for whoever asks for it in any way")
  func added() throws {
    let asked: [(String, (WorkFile) throws -> Void)] = [
      ("waits for it", { try $0.sync() }), ("reads it", { _ = try $0.bytes(in: 2..<3) }),
      ("asks how long it is", { _ = try $0.byteCount() }),
      ("cuts it off", { try $0.truncate(to: 3) }),
      ("takes room behind it", { _ = try $0.allocate(9, alignment: 1, limit: .max) }),
    ]
    for (what, ask) in asked {
      let directory = try ScratchDirectory()
      let file = try WorkFile.create(at: directory("file"))
      #expect(try file.append([1, 2]) == 0)
      #expect(try file.append([3]) == 2)
      #expect(file.end == 3)
      let other = try #require(try WorkFile.open(at: directory("file")))
      #expect(try other.byteCount() == 0)
      try ask(file)
      #expect(try other.bytes(in: 0..<other.byteCount()) == [1, 2, 3], "\(what)")
    }
  }

  @Test("what could not be written is written for who asks next") func again() throws {
    let directory = try ScratchDirectory()
    let file = try WorkFile.create(at: directory("file"))
    let disk = FailingDisk(under: directory.path, .fault(EIO), atWrite: 0, to: "/file")
    defer { disk.end() }
    _ = try file.append([1, 2, 3, 4])
    #expect(throws: FormatError.self) { try file.sync() }
    _ = try file.append([5])
    try file.sync()
    let other = try #require(try WorkFile.open(at: directory("file")))
    #expect(try other.bytes(in: 0..<other.byteCount()) == [1, 2, 3, 4, 5])
  }

  @Test("what is to be written at once does not wait for anybody") func atOnce() throws {
    let directory = try ScratchDirectory()
    let file = try WorkFile.create(at: directory("file"))
    _ = try file.append([1])
    file.writeAtOnce()
    _ = try file.append([2])
    let other = try #require(try WorkFile.open(at: directory("file")))
    #expect(try other.bytes(in: 0..<other.byteCount()) == [1, 2])
  }

  @Test("what an earlier run added stays, and more is added behind it") func earlier() throws {
    let directory = try ScratchDirectory()
    let first = try WorkFile.create(at: directory("file"))
    _ = try first.append([1, 2, 3])
    try first.sync()
    let second = try #require(try WorkFile.open(at: directory("file")))
    second.keep(upTo: 3)
    second.keep(upTo: 2)
    #expect(try second.append([4]) == 3)
    #expect(try second.allocate(2, alignment: 4, limit: 5) == nil)
    #expect(try second.allocate(2, alignment: 4, limit: 6) == 4)
    #expect(try second.append([5]) == 6)
    #expect(try second.bytes(in: 0..<7) == [1, 2, 3, 4, 0, 0, 5])
  }
}
