package import SluiceCore

/// How the deltas of a pair of models are counted.
package enum HistogramMode: Sendable, Hashable {
  /// Every distinct magnitude on its own: a table by the top bits and a list for the few magnitudes
  /// with lower bits set. The shift is the number of low bits that the table leaves out.
  case exact(shift: Int)
  /// Number and sum per bin of `MagnitudeHistogram.binWidth` patterns.
  case binned

  /// The mode for deltas between two dtypes: differences of 16-bit weights have few distinct values,
  /// those of F32 weights nearly as many as elements.
  ///
  /// - Parameters:
  ///   - base: The dtype of the base model's tensor.
  ///   - fineTuned: The dtype of the fine-tuned model's tensor.
  package init(base: DType, fineTuned: DType) {
    switch (base, fineTuned) {
    case (.bf16, .bf16): self = .exact(shift: 15)
    case (.f16, .f16), (.bf16, .f16), (.f16, .bf16): self = .exact(shift: 12)
    default: self = .binned
    }
  }

  /// The most bytes that a builder of this mode holds.
  package var byteCount: Int {
    switch self {
    case .exact(let shift):
      Kernels.tableCount(shift: shift) * 4
        + HistogramBuilder.sideCapacity * 8 + HistogramBuilder.distinctLimit * 2 * 12
        + HistogramMode.binned.byteCount
    case .binned: (1 << 16) * 24
    }
  }
}
