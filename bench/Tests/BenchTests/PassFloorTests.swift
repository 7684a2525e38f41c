import Platform
import Testing

@testable import Measuring

@Suite struct PassFloorTests {
  @Test(
    "A floor reads parts of several files, and writes whole pieces of frames and output",
    arguments: [1, 3])
  func run(_ lanes: Int) throws {
    let scratch = try Scratch()
    let files = (0..<3).map { "\(scratch.path)/\($0)" }
    for file in files { try File.replace(file, with: String(repeating: "x", count: 3 << 20)) }
    let floor = PassFloor(
      reads: [
        PassFloor.Part(paths: [files[0], files[1]], byteCount: 5 << 20),
        PassFloor.Part(paths: [files[2]], byteCount: 1 << 20),
      ], frames: PassFloor.Part(paths: [scratch.path + "/frames"], byteCount: 5_000_000),
      output: PassFloor.Part(paths: [scratch.path + "/output"], byteCount: (7 << 20) + 1))
    #expect(try floor.run(lanes: lanes) > 0)
    #expect(try File(scratch.path + "/frames", 0).size() == 3 * (2 << 20))
    #expect(try File(scratch.path + "/output", 0).size() == 8 << 20)
  }

  @Test("A pass is read back as it was written, also without frames and output")
  func json() throws {
    let part = PassFloor.Part(paths: ["/a", "/b"], byteCount: 7)
    for output in [nil, part] {
      let floor = PassFloor(reads: [part], frames: nil, output: output)
      let again = try PassFloor(json: floor.json)
      #expect(again.reads == [part] && again.frames == nil && again.output == output)
    }
    #expect(throws: BenchFailure.self) { try PassFloor.Part(json: .object([])) }
  }

  @Test("Where lanes fail, writers end with what was due")
  func failure() throws {
    let scratch = try Scratch()
    let part = PassFloor.Part(paths: [scratch.path + "/frames"], byteCount: 10 << 10)
    let writer = try PieceWriter(part, pieceBytes: 1 << 10, threads: 2, isLengthKnown: false)
    for chunk in 0..<3 { writer.isDue(after: chunk, of: 10) }
    for _ in 0..<2 { writer.end(lanes: 2) }
    for _ in 0..<2 { try writer.write() }
    #expect(try File(scratch.path + "/frames", 0).size() == 3 << 10)
  }

  @Test("A file that is missing is an error")
  func missing() {
    let floor = PassFloor(
      reads: [PassFloor.Part(paths: ["/no such file"], byteCount: 1)], frames: nil, output: nil)
    #expect(throws: BenchFailure.self) { try floor.run(lanes: 2) }
  }
}
