import Foundation
import SluiceFormats
import SluiceSolvers
import SluiceTestSupport
import Testing

/// Blocked solvers against dense ones in Double.
///
/// The tolerance is relative to the largest number.
@Suite("Solvers on disk equal dense references") struct SolverTests {
  private static let tolerance = 1e-9

  private let directory: ScratchDirectory

  init() throws { directory = try ScratchDirectory() }

  private func scratch() -> ScratchSpace {
    ScratchSpace(directory.path) { [directory] in
      try ScratchFile.open(in: directory.path, name: $0)
    }
  }

  private func copy(_ matrix: Matrix, _ rows: Range<Int>, to target: UnsafeMutablePointer<Double>) {
    for (index, value) in matrix.rows[rows].joined().enumerated() { target[index] = value }
  }

  private func expectClose(_ found: Matrix, equals expected: Matrix) {
    let largest = expected.rows.joined().map(abs).max() ?? 0
    let distance = zip(found.rows.joined(), expected.rows.joined()).map { abs($0 - $1) }.max() ?? 0
    #expect(distance <= SolverTests.tolerance * largest, "\(distance) of \(largest)")
    #expect(found.rowCount == expected.rowCount)
  }

  private func stored(_ matrix: Matrix) throws -> DiskMatrix {
    let disk = try DiskMatrix(
      in: scratch(), "matrix", rowCount: matrix.rowCount, columnCount: matrix.columnCount)
    let all = DenseMatrix(capacity: matrix.rowCount * matrix.columnCount)
    all.reshape(matrix.rowCount, matrix.columnCount)
    copy(matrix, 0..<matrix.rowCount, to: all.pointer)
    try all.write(disk, 0..<matrix.rowCount, 0..<matrix.columnCount)
    return disk
  }

  private func lower(_ disk: DiskMatrix) throws -> Matrix {
    let all = DenseMatrix(capacity: disk.rowCount * disk.columnCount)
    try all.read(disk, 0..<disk.rowCount, 0..<disk.columnCount)
    return Matrix(
      rows: (0..<disk.rowCount).map { row in
        (0..<disk.columnCount).map { $0 > row ? 0 : all.pointer[row * disk.columnCount + $0] }
      })
  }

  @Test(
    "A Cholesky factor and its inverse, whatever the tiles", arguments: [1, 2, 5, 17],
    [1, 3, 16, 64])
  func cholesky(count: Int, tile: Int) throws {
    var random = RepeatableGenerator(seed: UInt64(count))
    let gram = Matrix.gram(count, &random)
    let disk = try stored(gram)
    let solver = Cholesky(tile: tile)
    try solver.factorise(disk)
    expectClose(try lower(disk), equals: gram.cholesky)
    try solver.invertLower(disk)
    expectClose(try lower(disk), equals: gram.cholesky.inverse)
  }

  @Test("A matrix that is not positive definite is refused, with its row")
  func notPositive() throws {
    var matrix = Matrix(rows: (0..<9).map { row in (0..<9).map { $0 == row ? 1 : 0 } })
    matrix.rows[6][6] = -1
    let disk = try stored(matrix)
    #expect(throws: SolverError.self) { try Cholesky(tile: 4).factorise(disk) }
  }

  @Test("RegMean, with and without scaled corners", arguments: [1.0, 0.9], [3, 8, 64])
  func regMean(offDiagonal: Double, tile: Int) throws {
    var random = RepeatableGenerator(seed: 5)
    let (rows, columns) = (11, 21)
    let grams = [Matrix.gram(columns, &random), Matrix.gram(columns, &random)]
    let deltas = [Matrix.random(rows, columns, &random), Matrix.random(rows, columns, &random)]
    let scaled = grams.map { gram in
      Matrix(
        rows: gram.rows.enumerated().map { row, values in
          values.enumerated().map { $0 == row ? $1 : $1 * offDiagonal }
        })
    }
    let numerator = zip(
      (deltas[0] * scaled[0]).rows, (deltas[1] * scaled[1]).rows
    ).map { zip($0, $1).map { $0 + $1 } }
    let sum = zip(scaled[0].rows, scaled[1].rows).map { zip($0, $1).map { $0 + $1 } }
    let expected = Matrix(rows: numerator) * Matrix(rows: sum).inverse
    var found: [[Double]] = []
    let solver = RegMean(
      offDiagonal: offDiagonal, scratch: scratch(), tile: tile, panelRows: 4)
    try solver.solve(
      rowCount: rows, columnCount: columns, modelCount: 2,
      readGram: { copy(grams[$0], $1, to: $2) }, readDeltas: { copy(deltas[$0], $1, to: $2) },
      emit: { _, range, values in
        for row in 0..<range.count {
          found.append((0..<columns).map { values[row * columns + $0] })
        }
      })
    expectClose(Matrix(rows: found), equals: expected)
  }

  @Test(
    "Gram matrices of deltas, whatever the bands and panels", arguments: [1, 5, 17],
    [(1, 3), (3, 1), (64, 4)])
  func ownGrams(columns: Int, sizes: (band: Int, panel: Int)) throws {
    var random = RepeatableGenerator(seed: UInt64(columns))
    let deltas = [Matrix.random(7, columns, &random), .random(0, columns, &random)]
    let grams = try OwnGrams(modelCount: 3, columnCount: columns, share: 0.1, scratch: scratch())
    for (model, delta) in deltas.enumerated() {
      try grams.add(
        model, rowCount: delta.rowCount, panelRows: sizes.panel, bandRows: min(sizes.band, columns),
        readDeltas: { copy(delta, $0, to: $1) })
    }
    #expect((0..<3).map(grams.isPresent) == [true, false, false])
    let gram = (deltas[0].transposed * deltas[0]).rows
    let mean = gram.indices.reduce(0) { $0 + gram[$1][$1] } / Double(columns)
    let expected = gram.enumerated().map { row, values in
      values.enumerated().map { $1 / mean + ($0 == row ? 0.1 : 0) }
    }
    for model in 0..<3 {
      var numbers = [Double](repeating: 7, count: columns * columns)
      try numbers.withUnsafeMutableBufferPointer {
        let start = try #require($0.baseAddress)
        let middle = columns / 2
        try grams.read(model, 0..<middle, into: start)
        try grams.read(model, middle..<columns, into: start + middle * columns)
      }
      let found = stride(from: 0, to: numbers.count, by: columns).map {
        Array(numbers[$0..<$0 + columns])
      }
      let zeros = expected.map { $0.map { _ in 0.0 } }
      expectClose(Matrix(rows: found), equals: Matrix(rows: model == 0 ? expected : zeros))
    }
  }

  @Test("RegMean leaves inputs alone that no model has seen")
  func unseen() throws {
    var random = RepeatableGenerator(seed: 6)
    let gram = Matrix.gram(9, dead: [4], &random)
    let delta = Matrix.random(3, 9, &random)
    var found: [Double] = []
    try RegMean(offDiagonal: 1, scratch: scratch(), tile: 4, panelRows: 2).solve(
      rowCount: 3, columnCount: 9, modelCount: 1, readGram: { copy(gram, $1, to: $2) },
      readDeltas: { copy(delta, $1, to: $2) },
      emit: { _, range, values in found += (0..<range.count * 9).map { values[$0] } })
    for row in 0..<3 {
      #expect(found[row * 9 + 4] == 0)
      #expect(abs(found[row * 9] - delta.rows[row][0]) < 1e-9)
    }
  }

  @Test("SparseGPT, over several blocks and tiles", arguments: [(7, 20, 6), (3, 140, 50)])
  func sparse(rows: Int, columns: Int, tile: Int) throws {
    var random = RepeatableGenerator(seed: UInt64(columns))
    let gram = Matrix.gram(columns, dead: [2, columns - 1], &random)
    let weights = Matrix.random(rows, columns, &random)
    let expected = sparseReference(weights, gram: gram, rate: 0.6, dampening: 0.01)
    var found: [[Double]] = []
    try SparseSolver(rate: 0.6, scratch: scratch(), tile: tile, panelRows: 2).solve(
      rowCount: rows, columnCount: columns, readGram: { copy(gram, $0, to: $1) },
      readWeights: { copy(weights, $0, to: $1) },
      emit: { range, values in
        for row in 0..<range.count {
          found.append((0..<columns).map { values[row * columns + $0] })
        }
      })
    expectClose(Matrix(rows: found), equals: expected)
    #expect(found.joined().map { $0 == 0 } == expected.rows.joined().map { $0 == 0 })
  }
}
