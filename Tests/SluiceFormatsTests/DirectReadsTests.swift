import SluiceCore
import SluiceFormats
import SluiceTestSupport
import Testing

@Suite(.enabled(if: ScratchDirectory.diskRoot != nil)) struct DirectReadsTests {
  private struct Place {
    let file: Int
    let range: Range<Int>
  }

  /// Reads places of files together, several times over.
  private func check(
    _ places: [Place], of files: [InputFile], _ contents: [[UInt8]], _ reads: DirectReads
  ) throws {
    reads.removeAll()
    var buffers: [UnsafeMutableRawBufferPointer] = []
    defer { for buffer in buffers { buffer.deallocate() } }
    for place in places {
      let buffer = UnsafeMutableRawBufferPointer.allocate(
        byteCount: place.range.count + InputFile.directSlack, alignment: InputFile.directAlignment)
      buffers.append(buffer)
      try #require(reads.add(place.range, of: files[place.file], into: buffer))
    }
    try reads.read()
    for place in places {
      let bytes = try #require(reads.bytes(place.range, of: files[place.file]))
      #expect(bytes.elementsEqual(contents[place.file][place.range]), "\(place)")
    }
  }

  @Test("any number of places of several files come with exactly their bytes")
  func places() throws {
    let scratch = try ScratchDirectory(in: ScratchDirectory.diskRoot)
    let contents = (0..<3).map { noise((1 << 20) + 77 * $0) }
    let files = try contents.enumerated().map {
      try InputFile.open(try scratch.write($1, to: "\($0)"))
    }
    let reads = DirectReads()
    for count in [0, 1, 3, 31, 32, 33, 100] {
      let places = (0..<count).map { index in
        let file = index % 3
        let start = index * 7919 % 1_000_000
        return Place(file: file, range: start..<min(start + 1 + index * 3001, contents[file].count))
      }
      try check(places, of: files, contents, reads)
    }
    let ends = contents.indices.map {
      Place(file: $0, range: contents[$0].count - 1..<contents[$0].count)
    }
    try check(ends, of: files, contents, reads)
  }

  @Test("a file that ends too early is named, and what was read before is forgotten")
  func shortFile() throws {
    let scratch = try ScratchDirectory(in: ScratchDirectory.diskRoot)
    let content = noise(20_000)
    let file = try InputFile.open(try scratch.write(content, to: "a"))
    let other = try InputFile.open(try scratch.write(content, to: "b"))
    let reads = DirectReads()
    let buffer = UnsafeMutableRawBufferPointer.allocate(
      byteCount: 1 << 20, alignment: InputFile.directAlignment)
    defer { buffer.deallocate() }
    let half = UnsafeMutableRawBufferPointer(rebasing: buffer[(1 << 19)...])
    #expect(reads.add(0..<4096, of: other, into: half))
    #expect(reads.add(19_000..<40_000, of: file, into: buffer))
    let error = #expect(throws: FormatError.self) { try reads.read() }
    #expect(try "\(#require(error))".contains(file.path))
    reads.removeAll()
    #expect(reads.bytes(0..<4096, of: other) == nil)
  }

  @Test("what cannot be read around the page cache is not taken")
  func notDirect() throws {
    let made = try InputFile.open("/proc/version")
    let buffer = UnsafeMutableRawBufferPointer.allocate(
      byteCount: 1 << 14, alignment: InputFile.directAlignment)
    defer { buffer.deallocate() }
    #expect(!DirectReads().add(0..<10, of: made, into: buffer))
  }
}
