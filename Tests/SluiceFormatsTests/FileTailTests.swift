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
}
