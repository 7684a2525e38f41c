public import SluiceKernels

/// The Float32 buffers of one lane: the base's weights and each model's deltas for one block.
@safe public final class BlockBuffers {
  /// The base model's weights.
  public let base: AlignedBuffer<Float>
  /// The merged delta.
  public let merged: AlignedBuffer<Float>
  /// The most elements in a block.
  public let blockElements: Int
  private let deltas: [AlignedBuffer<Float>]
  private let rows: AlignedBuffer<UnsafePointer<Float>>

  /// Makes the buffers.
  ///
  /// - Parameters:
  ///   - modelCount: The number of fine-tuned models.
  ///   - blockElements: The most elements in a block.
  public init(modelCount: Int, blockElements: Int = Granularity.blockElements) {
    self.blockElements = blockElements
    base = AlignedBuffer(count: blockElements, fill: 0)
    merged = AlignedBuffer(count: blockElements, fill: 0)
    deltas = (0..<modelCount).map { _ in AlignedBuffer(count: blockElements, fill: 0) }
    unsafe rows = AlignedBuffer(count: modelCount, fill: UnsafePointer(base.pointer))
    for (index, buffer) in deltas.enumerated() {
      unsafe rows.pointer[index] = UnsafePointer(buffer.pointer)
    }
  }

  /// The deltas of a model.
  ///
  /// - Parameter model: The position of the model.
  /// - Returns: The first delta.
  public func delta(of model: Int) -> UnsafeMutablePointer<Float> {
    // SAFETY: the rows point to the buffers, which can be written to.
    unsafe UnsafeMutablePointer(mutating: rows.pointer[model])
  }

  /// The deltas of all models, as kernels take them.
  public var deltaRows: UnsafePointer<UnsafePointer<Float>> { unsafe UnsafePointer(rows.pointer) }
}
