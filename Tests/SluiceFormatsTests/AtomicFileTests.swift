import SluiceFormats
import SluiceTestSupport
import Testing

@Suite struct WholeFileTests {
  @Test("the name keeps its old content until the new one is complete")
  func replacing() throws {
    let scratch = try ScratchDirectory()
    try scratch.write([1], to: "a")
    let file = try AtomicFile(to: scratch("a"))
    try file.append([2, 3])
    try file.append([])
    try file.append([4])
    #expect(try scratch.read("a") == [1])
    try file.publish()
    #expect(try scratch.read("a") == [2, 3, 4])
    #expect(try Directory.list(scratch.path).map(\.name) == ["a"])
  }

  @Test("a file that is given up leaves nothing behind")
  func discarding() throws {
    let scratch = try ScratchDirectory()
    do {
      let file = try AtomicFile(to: scratch("a"))
      try file.append([1])
    }
    #expect(try Directory.list(scratch.path).isEmpty)
  }

  @Test("a copy has the same bytes, links are followed")
  func copying() throws {
    let scratch = try ScratchDirectory()
    let bytes = noise((1 << 20) + 17)
    try scratch.write(bytes, to: "a")
    #expect(try AtomicFile.copy(scratch("a"), to: scratch("b")) == bytes.count)
    #expect(try scratch.read("b") == bytes)
    #expect(throws: FormatError.self) { try AtomicFile.copy(scratch.path, to: scratch("c")) }
    #expect(try FileStatus.of(scratch("c")) == nil)
  }

  @Test("a report streams into a file")
  func streaming() throws {
    let scratch = try ScratchDirectory()
    let file = try AtomicFile(to: scratch("report.json"))
    var writer = JSONWriter(to: { (text: RawSpan) throws(FormatError) in try file.append(text) })
    writer.beginArray()
    for value in 0..<20_000 { writer.value(.integer(value)) }
    writer.endArray()
    try writer.finish()
    try file.publish()
    let expected = "[" + (0..<20_000).map { String($0) }.joined(separator: ",") + "]"
    #expect(try scratch.read("report.json") == Array(expected.utf8))
  }
}
