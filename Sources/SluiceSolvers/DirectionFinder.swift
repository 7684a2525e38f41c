package import SluiceKernels

/// Finds a few directions along which most of some rows lies.
///
/// Formula, with B the rows and T = B transpose(B) divided by its trace: X of random signs, then three times X = an
/// orthonormal basis of X T, its rows being as many as there are directions; the directions are X B, and a basis of
/// them where they are to be orthonormal. Dependent ones are zero.
/// Source: subspace iteration, as in Halko, Martinsson, Tropp (arXiv 0909.4061).
/// Accuracy: T's sums are those of `Kernels.project`, other products those of `Kernels.multiply`, bases are Double;
/// directions are rounded to Float32 at the end. Any basis serves, so that roundings before that do not matter.
@safe package final class DirectionFinder {
  /// How often X is multiplied by T.
  package static let stepCount = 3
  /// How many rows are multiplied with those before them together.
  private static let rowsAtOnce = 32

  private let kernels: Kernels
  private let panels: AlignedBuffer<Float>
  private let square: AlignedBuffer<Double>
  private let squarePanels: AlignedBuffer<Float>
  private let basis: AlignedBuffer<Double>
  private let left: AlignedBuffer<Float>
  private let product: AlignedBuffer<Float>

  /// Makes room.
  ///
  /// - Parameters:
  ///   - rowCount: The most rows.
  ///   - columnCount: The most elements of a row.
  ///   - width: The most directions.
  ///   - kernels: The kernels to compute with.
  package init(rowCount: Int, columnCount: Int, width: Int, kernels: Kernels) {
    self.kernels = kernels
    panels = AlignedBuffer(
      count: FactorProduct.panelElements(rank: rowCount, columns: columnCount), fill: 0)
    square = AlignedBuffer(count: rowCount * rowCount, fill: 0)
    squarePanels = AlignedBuffer(
      count: FactorProduct.panelElements(rank: rowCount, columns: rowCount), fill: 0)
    let longest = max(rowCount, columnCount)
    basis = AlignedBuffer(count: width * longest, fill: 0)
    left = AlignedBuffer(count: width * rowCount, fill: 0)
    product = AlignedBuffer(count: max(width * longest, rowCount), fill: 0)
  }

  /// The bytes of the buffers.
  package static func byteCount(rowCount: Int, columnCount: Int, width: Int) -> Int {
    let longest = max(rowCount, columnCount)
    return 4 * FactorProduct.panelElements(rank: rowCount, columns: columnCount)
      + 4 * FactorProduct.panelElements(rank: rowCount, columns: rowCount)
      + 8 * rowCount * rowCount + 8 * width * longest + 4 * width * rowCount
      + 4 * max(width * longest, rowCount)
  }

  /// Finds directions.
  ///
  /// - Parameters:
  ///   - rows: B, row after row.
  ///   - rowCount: The number of its rows.
  ///   - columnCount: The number of its columns.
  ///   - width: How many directions are looked for.
  ///   - signs: Whether each element of the first X is positive, row after row.
  ///   - isOrthonormal: Whether the directions are made orthonormal.
  /// - Returns: The directions, in panels of right factors.
  package func find(
    _ rows: UnsafePointer<Float>, rowCount: Int, columnCount: Int, width: Int,
    signs: (Int) -> Bool, isOrthonormal: Bool
  ) -> [Float] {
    panels.fill(0)
    for row in 0..<rowCount {
      // SAFETY: the caller guarantees all rows; the buffers hold the most of each.
      unsafe Kernels.place(
        rows + row * columnCount, columns: 0..<columnCount, position: row, rank: rowCount,
        into: panels.pointer)
    }
    unsafe makeSquare(rows, rowCount, columnCount)
    for index in 0..<width * rowCount { unsafe left.pointer[index] = signs(index) ? 1 : -1 }
    for _ in 0..<DirectionFinder.stepCount {
      multiply(by: squarePanels, rank: rowCount, columns: rowCount, width)
      takeBasis(width, rowCount)
      unsafe left.pointer.update(from: product.pointer, count: width * rowCount)
    }
    multiply(by: panels, rank: rowCount, columns: columnCount, width)
    if isOrthonormal { takeBasis(width, columnCount) }
    let count = FactorProduct.panelElements(rank: width, columns: columnCount)
    var found = [Float](repeating: 0, count: count)
    unsafe found.withUnsafeMutableBufferPointer { found in
      guard let found = found.baseAddress else { return }
      for index in 0..<width {
        unsafe Kernels.place(
          product.pointer + index * columnCount, columns: 0..<columnCount, position: index,
          rank: width, into: found)
      }
    }
    return found
  }

  /// T, in panels.
  private func makeSquare(_ rows: UnsafePointer<Float>, _ rowCount: Int, _ columnCount: Int) {
    for first in stride(from: 0, to: rowCount, by: DirectionFinder.rowsAtOnce) {
      let end = min(first + DirectionFinder.rowsAtOnce, rowCount)
      unsafe kernels.project(
        rows + first * columnCount, rowCount: end - first, count: columnCount,
        on: panels.pointer, width: rowCount, directionCount: end,
        to: square.pointer + first * rowCount)
    }
    // A product is the same in both orders.
    for row in 0..<rowCount {
      for column in 0..<row {
        unsafe square.pointer[column * rowCount + row] = square.pointer[row * rowCount + column]
      }
    }
    var trace = 0.0
    for row in 0..<rowCount { unsafe trace += square.pointer[row * rowCount + row] }
    squarePanels.fill(0)
    for row in 0..<rowCount {
      for column in 0..<rowCount {
        let value = unsafe square.pointer[row * rowCount + column]
        unsafe product.pointer[column] = trace > 0 ? Float(value / trace) : 0
      }
      unsafe Kernels.place(
        product.pointer, columns: 0..<rowCount, position: row, rank: rowCount,
        into: squarePanels.pointer)
    }
  }

  /// X times a right factor.
  private func multiply(by panels: AlignedBuffer<Float>, rank: Int, columns: Int, _ width: Int) {
    unsafe kernels.multiply(
      FactorProduct(
        left: left.pointer, leftStride: rank, panels: panels.pointer, rank: rank, rows: width,
        columns: 0..<columns, out: product.pointer, outStride: columns))
  }

  /// Replaces the product by a basis of its rows.
  private func takeBasis(_ width: Int, _ length: Int) {
    for index in 0..<width * length {
      unsafe basis.pointer[index] = Double(product.pointer[index])
    }
    unsafe ThinBasis.orthonormalise(
      basis.pointer, count: width, length: length, kernels: kernels)
    for index in 0..<width * length {
      unsafe product.pointer[index] = Float(basis.pointer[index])
    }
  }
}
