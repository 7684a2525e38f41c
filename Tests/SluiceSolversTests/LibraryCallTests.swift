import SluiceDataflow
import SluiceFormats
import SluiceSolvers
import SluiceTestSupport
import Synchronization
import Testing

/// Small products of many threads at the same time: a library for one thread mixes up their buffers.
@Suite("Calls of the library from several threads") struct LibraryCallTests {
  @Test("threads that factorise side by side all get what one gets alone") func sideBySide() throws
  {
    let directory = try ScratchDirectory()
    let wrong = Mutex(0)
    try Graph.forEach(Array(0..<8), "call", threads: 8) { index, _ in
      var random = RepeatableGenerator(seed: UInt64(index + 1))
      let gram = Matrix.gram(24, &random)
      let first = try factor(gram, index, directory)
      for _ in 0..<150 where try factor(gram, index, directory) != first {
        wrong.withLock { $0 += 1 }
      }
    }
    #expect(wrong.withLock { $0 } == 0)
  }
}

/// The lower factor of a matrix, made of tiles that take products.
private func factor(
  _ matrix: Matrix, _ index: Int, _ directory: ScratchDirectory
) throws -> [Double] {
  let scratch = ScratchSpace(directory.path) {
    try ScratchFile.open(in: directory.path, name: "\($0)-\(index)")
  }
  let count = matrix.rowCount
  let disk = try DiskMatrix(in: scratch, "matrix", rowCount: count, columnCount: count)
  let all = DenseMatrix(capacity: count * count)
  all.reshape(count, count)
  for (place, value) in matrix.rows.joined().enumerated() { all.pointer[place] = value }
  try all.write(disk, 0..<count, 0..<count)
  try Cholesky(tile: 8).factorise(disk)
  try all.read(disk, 0..<count, 0..<count)
  return (0..<count).flatMap { row in (0...row).map { all.pointer[row * count + $0] } }
}
