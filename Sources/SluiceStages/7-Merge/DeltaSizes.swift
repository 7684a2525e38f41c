internal import SluiceKernels

/// How many deltas have which size, by powers of two.
package enum DeltaSizes {
  /// How many classes there are.
  package static let classCount = 40
  /// The power of two that the first class begins with.
  ///
  /// It holds all below, too, that are not zero; the last holds all from its own power on.
  package static let firstExponent = -32
}

/// Counts sizes in one lane.
final class DeltaSizeCounter {
  private let kernels: Kernels
  private var counts: [UInt32]

  init(modelCount: Int, kernels: Kernels) {
    self.kernels = kernels
    counts = Array(repeating: 0, count: modelCount * DeltaSizes.classCount)
  }

  /// Counts the deltas of a model.
  func add(_ deltas: UnsafePointer<Float>, count: Int, model: Int) {
    unsafe counts.withUnsafeMutableBufferPointer { counts in
      guard let start = counts.baseAddress else { return }
      // SAFETY: every class of every model has its counter; the caller's buffer holds so many deltas.
      unsafe kernels.countSizes(
        deltas, count: count, firstExponent: DeltaSizes.firstExponent,
        classCount: DeltaSizes.classCount, into: start + model * DeltaSizes.classCount)
    }
  }

  /// Gives what was counted, class by class, model after model, for as many zeros, from which it counts again.
  func exchange(_ sizes: inout [UInt32]) {
    precondition(sizes.count == counts.count)
    swap(&sizes, &counts)
  }
}
