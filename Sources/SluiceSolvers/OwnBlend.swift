package import SluiceKernels

/// RegMean with Gram matrices that deltas have of their own, for one layer.
///
/// Formula, with D_t the deltas of model t, rows for outputs, n inputs and K models: G_t = transpose(D_t) D_t /
/// g_t, g_t being the mean of its diagonal; P_t = D_t (G_t + eps I) inverse(G_1 + ... + G_K + K eps I); the merged
/// delta is w_1 P_1 + ... + w_K P_K.
/// Each transpose(D_t) D_t is taken as Y_t inverse(C_t) transpose(Y_t), with Y_t = transpose(D_t) D_t Q_t and
/// C_t = transpose(D_t Q_t) (D_t Q_t), Q_t being an orthonormal basis: the approximation of Nystrom. With U all Y_t
/// side by side, C the matrix with g_t C_t on its diagonal, and H = inverse(K eps C + transpose(U) U), Woodbury's
/// identity makes of it, for a row d of model t, s = d U and s_t what of s belongs to Y_t:
/// p_t = d / K + (s_t - s / K) H transpose(U). What U is multiplied by in the merged row is computed here.
/// A direction whose pivot is less than 1e-14 of its diagonal is left out.
/// Source: after RegMean (arXiv 2212.09849); the Gram matrices are ours.
@safe package final class OwnBlend {
  /// What is known of a model's deltas.
  package struct Part: Sendable {
    /// The number of its directions.
    package let width: Int
    /// C_t, row after row; its lower half.
    package let core: [Double]
    /// The sum of squares of the deltas: n times g_t.
    package let energy: Double

    /// Describes a model.
    package init(width: Int, core: [Double], energy: Double) {
      self.width = width
      self.core = core
      self.energy = energy
    }
  }

  /// The number of all directions.
  package let width: Int
  private let parts: [(columns: Range<Int>, part: Part)]
  private let factor: AlignedBuffer<Double>

  /// Prepares for a layer.
  ///
  /// - Parameters:
  ///   - parts: What is known of each model's deltas; no energy is zero.
  ///   - directions: U, a row of numbers for each input.
  ///   - columnCount: The number of inputs.
  ///   - share: eps.
  ///   - kernels: The kernels to compute with.
  package init(
    _ parts: [Part], along directions: UnsafePointer<Double>, columnCount: Int, share: Double,
    kernels: Kernels
  ) {
    var placed: [(columns: Range<Int>, part: Part)] = []
    var end = 0
    for part in parts {
      placed.append((end..<end + part.width, part))
      end += part.width
    }
    width = end
    self.parts = placed
    factor = AlignedBuffer(count: max(end * end, 1), fill: 0)
    let ones = AlignedBuffer<Float>(count: OwnBlend.runLength, fill: 1)
    for first in stride(from: 0, to: columnCount, by: OwnBlend.runLength) {
      // SAFETY: the caller guarantees a row for each input.
      unsafe kernels.addGram(
        of: directions + first * width, width: width, where: ones.pointer,
        count: min(OwnBlend.runLength, columnCount - first), to: factor.pointer)
    }
    let added = Double(parts.count) * share
    for (columns, part) in placed {
      let scale = added * (part.energy / Double(columnCount))
      for row in 0..<part.width {
        for column in 0...row {
          unsafe factor.pointer[
            (columns.lowerBound + row) * width + columns.lowerBound + column] +=
            scale * part.core[row * part.width + column]
        }
      }
    }
    unsafe SmallCholesky.factorise(factor.pointer, width: width)
  }

  private static let runLength = 1024

  /// The bytes that it holds.
  package static func byteCount(width: Int) -> Int { 8 * width * width + 4 * runLength }

  /// Adds what a model's row brings to the right side of a row's system.
  ///
  /// - Parameters:
  ///   - sums: d U.
  ///   - part: Which of the parts it is.
  ///   - weight: w_t.
  ///   - right: Receives it.
  package func add(
    _ sums: UnsafePointer<Double>, of part: Int, weight: Double,
    to right: UnsafeMutablePointer<Double>
  ) {
    let (count, own) = (Double(parts.count), parts[part].columns)
    // SAFETY: both have a number for each direction.
    for column in 0..<width {
      let shared = unsafe sums[column] / count
      let rest = unsafe own.contains(column) ? sums[column] - shared : -shared
      unsafe right[column] += weight * rest
    }
  }

  /// Turns the right side of a row's system into what U is multiplied by.
  package func solve(_ right: UnsafeMutablePointer<Double>) {
    unsafe SmallCholesky.solve(factor.pointer, width: width, right)
  }
}
