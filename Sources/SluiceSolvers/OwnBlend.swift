package import SluiceKernels

/// RegMean with Gram matrices that deltas have of their own, for one layer.
///
/// Formula, with D_t the deltas of model t, rows for outputs, n inputs and K models: G_t = transpose(D_t) D_t /
/// g_t, g_t being the mean of its diagonal; P_t = D_t (G_t + eps I) inverse(G_1 + ... + G_K + K eps I); the merged
/// delta is w_1 P_1 + ... + w_K P_K.
/// Along orthonormal directions Q that all models share, transpose(D_t) D_t is taken as Q C_t transpose(Q), C_t being
/// transpose(D_t Q) D_t Q; across them as nothing. Then, for a row d of model t, p_t = d / K + d Q A_t
/// transpose(Q) with A_t = (C_t / g_t + eps I) inverse(C_1 / g_1 + ... + C_K / g_K + K eps I) - I / K. A_t is
/// computed here.
/// Source: after RegMean (arXiv 2212.09849); the Gram matrices are ours.
/// Accuracy: Double; A_t is rounded to Float32 once.
package enum OwnBlend {
  /// What is known of a model's deltas.
  package struct Part: Sendable {
    /// C_t, row after row; its lower half.
    package let core: [Double]
    /// The sum of squares of the deltas: n times g_t; not zero.
    package let energy: Double

    /// Describes a model.
    package init(core: [Double], energy: Double) {
      self.core = core
      self.energy = energy
    }
  }

  /// Computes all A_t.
  ///
  /// - Parameters:
  ///   - parts: What is known of each model's deltas.
  ///   - width: The number of directions.
  ///   - columnCount: The number of inputs.
  ///   - share: eps.
  ///   - kernels: The kernels to compute with.
  /// - Returns: For each model the matrix, row after row.
  package static func factors(
    _ parts: [Part], width: Int, columnCount: Int, share: Double, kernels: Kernels
  ) -> [[Double]] {
    let models = Double(parts.count)
    let grams = grams(parts, width: width, columnCount: columnCount, share: share)
    var whole = total(grams)
    unsafe whole.withUnsafeMutableBufferPointer {
      guard let whole = $0.baseAddress else { return }
      unsafe SmallCholesky.factorise(whole, width: width, kernels: kernels)
    }
    return grams.map { gram in
      var factor = gram
      unsafe factor.withUnsafeMutableBufferPointer { factor in
        unsafe whole.withUnsafeBufferPointer { whole in
          guard let factor = factor.baseAddress, let whole = whole.baseAddress else { return }
          for row in 0..<width {
            unsafe SmallCholesky.solve(whole, width: width, factor + row * width)
            unsafe factor[row * width + row] -= 1 / models
          }
        }
      }
      return factor
    }
  }

  /// C_t / g_t + share * I of each model, row after row.
  static func grams(
    _ parts: [Part], width: Int, columnCount: Int, share: Double
  ) -> [[Double]] {
    parts.map { part in
      let scale = Double(columnCount) / part.energy
      return (0..<width * width).map { index in
        let (row, column) = index.quotientAndRemainder(dividingBy: width)
        let value = part.core[max(row, column) * width + min(row, column)] * scale
        return row == column ? value + share : value
      }
    }
  }

  /// The sum of matrices, in order.
  static func total(_ grams: [[Double]]) -> [Double] {
    var whole = [Double](repeating: 0, count: grams.first?.count ?? 0)
    for gram in grams {
      for index in whole.indices { whole[index] += gram[index] }
    }
    return whole
  }

  /// The bytes that computing them holds.
  package static func byteCount(modelCount: Int, width: Int) -> Int {
    8 * (2 * modelCount + 1) * width * width
  }
}
