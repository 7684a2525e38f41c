internal import CLAPACK
internal import SluiceCore
internal import SluiceDataflow
internal import SluiceSolvers

/// Products of matrices of Float32, by OpenBLAS on one thread.
enum Products {
  /// The most rows of a block: what is multiplied at once.
  ///
  /// Blocks begin at multiples of it, whatever the
  /// memory, so that the library is always asked the same.
  static let blockRows = 512
  /// What the rows of a batch are filled up to, with zeros: a row of the last block is computed like any
  /// other.
  static let rowGrain = 64
  /// The rows of a weight that are multiplied at once.
  static let panelRows = 512

  /// A matrix as the library sees it: its first element, and how far rows lie apart.
  @unsafe struct Operand {
    let start: UnsafeMutablePointer<Float>
    let stride: Int
  }

  /// c = scale * a * transpose(b), or with b as it is; or c += that.
  ///
  /// - Parameters:
  ///   - a: Rows x inner.
  ///   - b: Columns x inner if it is turned, else inner x columns.
  ///   - c: Rows x columns.
  ///   - size: Rows, columns and inner.
  ///   - isTurned: Whether b is turned.
  ///   - scale: The factor.
  ///   - adds: Whether the product is added to what is in c.
  static func multiply(
    _ a: Operand, _ b: Operand, into c: Operand, _ size: (rows: Int, columns: Int, inner: Int),
    isTurned: Bool = true, scale: Float = 1, adds: Bool = false
  ) {
    guard size.rows > 0, size.columns > 0, size.inner > 0 else { return }
    // SAFETY: the caller guarantees that all operands have as many elements as the sizes say.
    LibraryCalls.perform {
      unsafe cblas_sgemm(
        Int32(SLUICE_ROW_MAJOR), Int32(SLUICE_NO_TRANSPOSE),
        Int32(isTurned ? SLUICE_TRANSPOSE : SLUICE_NO_TRANSPOSE), Int32(size.rows),
        Int32(size.columns), Int32(size.inner), scale, a.start, Int32(a.stride), b.start,
        Int32(b.stride), adds ? 1 : 0, c.start, Int32(c.stride))
    }
  }

  /// c = transpose(a) * b.
  ///
  /// - Parameters:
  ///   - a: Inner x rows.
  ///   - b: Inner x columns.
  ///   - c: Rows x columns.
  ///   - size: Rows, columns and inner.
  static func multiplyColumns(
    _ a: Operand, _ b: Operand, into c: Operand, _ size: (rows: Int, columns: Int, inner: Int)
  ) {
    guard size.rows > 0, size.columns > 0, size.inner > 0 else { return }
    // SAFETY: as above.
    LibraryCalls.perform {
      unsafe cblas_sgemm(
        Int32(SLUICE_ROW_MAJOR), Int32(SLUICE_TRANSPOSE), Int32(SLUICE_NO_TRANSPOSE),
        Int32(size.rows), Int32(size.columns), Int32(size.inner), 1, a.start, Int32(a.stride),
        b.start, Int32(b.stride), 0, c.start, Int32(c.stride))
    }
  }

  /// The processor whose kernels the library chose.
  static var processor: String {
    // SAFETY: a text that is part of the library.
    unsafe openblas_get_corename().map { unsafe String(cString: $0) } ?? "unknown"
  }
}
