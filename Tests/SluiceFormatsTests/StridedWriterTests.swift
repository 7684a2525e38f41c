import SluiceCore
import SluiceFormats
import SluiceTestSupport
import Synchronization
import Testing

@Suite("Elements written to places of their own")
struct StridedWriterTests {
  /// Writes all elements of a view in pieces of some length, into a file of 0xEE, from two threads.
  private func written(
    _ views: [(start: Int, view: StridedView, shape: [Int])], width: Int, byteCount: Int,
    piece: Int
  ) async throws -> [UInt8] {
    let directory = try ScratchDirectory()
    let file = try OutputFile.create(at: directory("out"), byteCount: byteCount, isDirect: false)
    let all = [UInt8](repeating: 0xEE, count: byteCount)
    try unsafe all.withUnsafeBytes { try unsafe file.write($0, at: 0) }
    try await withThrowingTaskGroup(of: Void.self) { group in
      for (ordinal, (start, view, shape)) in views.enumerated() {
        let count = shape[0] * shape[1]
        group.addTask {
          // The last piece first, so that no order is taken for granted.
          for first in stride(from: 0, to: count, by: piece).reversed() {
            let elements = first..<min(first + piece, count)
            let bytes = elements.flatMap { Self.element($0, ordinal, width) }
            try unsafe bytes.withUnsafeBytes {
              try unsafe file.write(
                $0, firstElement: first, of: view, width: width, at: start)
            }
          }
        }
      }
      try await group.waitForAll()
    }
    try file.finish()
    return try directory.read("out")
  }

  /// The bytes of an element of a view.
  private static func element(_ index: Int, _ view: Int, _ width: Int) -> [UInt8] {
    let value = UInt64(index &* 2_654_435_761 &+ view &* 97 &+ 1)
    return (0..<width).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
  }

  @Test(
    "every element is at its place, and what lies between stays",
    arguments: [
      (2, 37, 53, 1, 37, 400), (2, 37, 53, 2, 74, 999), (4, 5, 300, 2, 10, 64),
      (1, 64, 3, 2, 131, 7), (8, 9, 40, 1, 11, 33), (2, 1, 90, 2, 700, 11),
      (2, 2500, 3, 2, 5003, 6000),
      (2, 20, 4, 300, 7000, 13),
    ])
  func places(
    width: Int, rows: Int, columns: Int, rowStep: Int, columnStep: Int, piece: Int
  ) async throws {
    let shape = try #require(TensorShape([rows, columns]))
    let view = try #require(StridedView(shape, strides: [rowStep, columnStep]))
    let lead = 3 * width
    let span = (rows - 1) * rowStep + (columns - 1) * columnStep + 1
    // A second view takes the places between, where there are some.
    var views = [(start: lead, view: view, shape: [rows, columns])]
    if rowStep == 2 { views.append((lead + width, view, [rows, columns])) }
    let byteCount = lead + (span + 5) * width
    var expected = [UInt8](repeating: 0xEE, count: byteCount)
    for (ordinal, (start, _, _)) in views.enumerated() {
      for element in 0..<rows * columns {
        let place =
          start + (element / columns * rowStep + element % columns * columnStep) * width
        expected.replaceSubrange(
          place..<(place + width), with: Self.element(element, ordinal, width))
      }
    }
    let found = try await written(views, width: width, byteCount: byteCount, piece: piece)
    #expect(found == expected)
  }
}
