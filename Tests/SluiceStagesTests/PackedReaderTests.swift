import SluiceCore
import SluiceFormats
import SluiceStages
import SluiceTestSupport
import Testing

@Suite("Packed weights")
struct PackedReaderTests {
  @Test("every code stands for the number of its bits")
  func codes() throws {
    let directory = try ScratchDirectory()
    let bytes = (0...255).map { UInt8($0) }
    let scale = Float(1).bitPattern
    let path = try directory.write(
      bytes + (0..<4).map { UInt8(truncatingIfNeeded: scale >> ($0 * 8)) }, to: "codes")
    let file = try InputFile.open(path)
    let view = PackedView(
      .e4m3, rowCount: 16, columnCount: 16, codes: .init(file: 0, start: 0),
      scales: .init(file: 0, start: 256), scaleCode: .f32, blockRows: 16, blockColumns: 16)
    let values = try read(PackedReader([file], view), 0..<256)
    for (code, value) in values.enumerated() {
      let expected = Reference.e4m3(UInt8(code))
      #expect(value.bitPattern == expected.bitPattern || (value.isNaN && expected.isNaN))
    }
  }

  @Test(
    "any run of elements is what the formula says, whatever the layout",
    arguments: [
      (PackedView.Code.e4m3, 37, 53, 16, 16, Float(1)), (.e4m3, 5, 300, 1, 300, 1),
      (.e4m3, 7, 9, 7, 9, 1), (.int4, 20, 64, 1, 32, 1), (.int4, 3, 70_000, 1, 128, 1),
      (.e2m1, 9, 160, 1, 16, 3.7), (.e4m3, 300, 128, 128, 128, 1),
    ])
  func runs(
    code: PackedView.Code, rows: Int, columns: Int, blockRows: Int, blockColumns: Int,
    divisor: Float
  ) throws {
    var generator = RepeatableGenerator(seed: 7)
    let shape = PackedView(
      code, rowCount: rows, columnCount: columns, codes: .init(file: 0, start: 5),
      lineByteCount: code == .int4 ? (columns + 7) / 8 * 4 : nil,
      scales: .init(file: 1, start: 3), scaleCode: .f32, blockRows: blockRows,
      blockColumns: blockColumns, divisor: divisor)
    let codes = (0..<shape.codeByteCount).map { _ in
      // Without the two NaN.
      UInt8(truncatingIfNeeded: generator.next()) & 0xF7
    }
    let scales = (0..<shape.scaleRows * shape.scaleColumns).map { _ in
      Float(generator.next() % 1000) / 512
    }
    let directory = try ScratchDirectory()
    let scaleBytes = scales.flatMap { scale in
      (0..<4).map { UInt8(truncatingIfNeeded: scale.bitPattern >> ($0 * 8)) }
    }
    let files = [
      try InputFile.open(directory.write([1, 2, 3, 4, 5] + codes, to: "codes")),
      try InputFile.open(directory.write([9, 9, 9] + scaleBytes, to: "scales")),
    ]
    let reader = PackedReader(files, shape)
    let count = rows * columns
    for run in [0..<count, 1..<count, count / 3..<count / 3 * 2, count - 1..<count] {
      let values = try read(reader, run)
      for (position, value) in zip(run, values) {
        let expected = Reference.packed(
          shape, codes: codes, scales: scales, row: position / columns, column: position % columns)
        guard value.bitPattern != expected.bitPattern else { continue }
        Issue.record("element \(position): \(value), expected \(expected)")
        return
      }
    }
  }

  /// Random codes of 4 bits, and scales around 1 of 32 elements each.
  private static func mxfp4(
    _ count: Int, _ generator: inout RepeatableGenerator
  ) -> (codes: [UInt8], scales: [UInt8]) {
    let codes = (0..<count / 2).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
    let scales = (0..<count / 32).map { _ in UInt8(120 + generator.next() % 10) }
    return (codes, scales)
  }

  @Test("a transposed stack gives the transpose of each matrix, for any run")
  func transposed() throws {
    var generator = RepeatableGenerator(seed: 3)
    let (experts, rows, columns) = (3, 10, 64)
    let (codes, scales) = PackedReaderTests.mxfp4(experts * rows * columns, &generator)
    let directory = try ScratchDirectory()
    let file = try InputFile.open(directory.write(codes + scales, to: "stack"))
    func view(isTransposed: Bool) -> PackedView {
      PackedView(
        .e2m1, matrixCount: experts, rowCount: rows, columnCount: columns,
        codes: .init(file: 0, start: 0), scales: .init(file: 0, start: codes.count),
        scaleCode: .e8m0, blockRows: 1, blockColumns: 32, isTransposed: isTransposed)
    }
    let count = experts * rows * columns
    let plain = try read(PackedReader([file], view(isTransposed: false)), 0..<count)
    let expected = (0..<count).map { position in
      let (expert, inside) = position.quotientAndRemainder(dividingBy: rows * columns)
      let (column, row) = inside.quotientAndRemainder(dividingBy: rows)
      return plain[(expert * rows + row) * columns + column]
    }
    let reader = PackedReader([file], view(isTransposed: true))
    for run in [0..<count, 3..<count - 5, 641..<655, 600..<700] {
      #expect(try read(reader, run) == Array(expected[run]))
    }
    let part = try #require(view(isTransposed: true).part(matrix: 2, rows: 0..<rows))
    #expect(
      try read(PackedReader([file], part), 0..<rows * columns)
        == Array(expected[2 * rows * columns..<count]))
  }

  @Test("outputs in turns are every second line of codes, with the scales of their own")
  func interleaved() throws {
    var generator = RepeatableGenerator(seed: 5)
    let (experts, rows, columns) = (2, 600, 96)
    let (codes, scales) = PackedReaderTests.mxfp4(experts * rows * columns, &generator)
    // The last line of codes and scales ends with its file.
    let directory = try ScratchDirectory()
    let files = [
      try InputFile.open(directory.write(codes, to: "codes")),
      try InputFile.open(directory.write(scales, to: "scales")),
    ]
    func view(isTransposed: Bool) -> PackedView {
      PackedView(
        .e2m1, matrixCount: experts, rowCount: rows, columnCount: columns,
        codes: .init(file: 0, start: 0), scales: .init(file: 1, start: 0), scaleCode: .e8m0,
        blockRows: 1, blockColumns: 32, isTransposed: isTransposed)
    }
    let plain = try read(
      PackedReader(files, view(isTransposed: false)), 0..<experts * rows * columns)
    for (matrix, first, count, step) in [
      (0, 0, 300, 2), (1, 1, 300, 2), (1, 0, 600, 1), (0, 7, 5, 3),
    ] {
      let own = try #require(
        view(isTransposed: true).outputs(matrix: matrix, first: first, count: count, step: step))
      let expected = (0..<count * columns).map { position in
        plain[
          (matrix * rows + first + position / columns * step) * columns + position % columns]
      }
      for run in [0..<count * columns, 3..<count * columns - 5, 97..<101] {
        #expect(try read(PackedReader(files, own), run) == Array(expected[run]))
      }
    }
    #expect(view(isTransposed: true).outputs(matrix: 0, first: 1, count: 301, step: 2) == nil)
    #expect(view(isTransposed: false).outputs(matrix: 0, first: 0, count: 1, step: 1) == nil)
  }

  private func read(_ reader: PackedReader, _ run: Range<Int>) throws -> [Float] {
    var values = [Float](repeating: 0, count: run.count)
    try values.withUnsafeMutableBufferPointer { buffer in
      try reader.read(run, into: #require(buffer.baseAddress))
    }
    return values
  }
}
