package import SluiceKernels

/// The Float32 buffers of one lane: the base's weights and each model's deltas for one tile.
@safe package final class TileBuffers {
  /// The base model's weights.
  package let base: AlignedBuffer<Float>
  /// The merged delta.
  package let merged: AlignedBuffer<Float>
  /// The most elements in a tile.
  package let tileElements: Int
  private let deltas: [AlignedBuffer<Float>]
  /// Deltas as they came, of tiles that somebody asks for; made when the first one is.
  private var untouched: [AlignedBuffer<Float>] = []
  private let rows: AlignedBuffer<UnsafePointer<Float>>
  private let someRows: AlignedBuffer<UnsafePointer<Float>>

  /// Makes the buffers.
  package init(modelCount: Int, tileElements: Int = Granularity.tileElements) {
    self.tileElements = tileElements
    base = AlignedBuffer(count: tileElements, fill: 0)
    merged = AlignedBuffer(count: tileElements, fill: 0)
    deltas = (0..<modelCount).map { _ in AlignedBuffer(count: tileElements, fill: 0) }
    unsafe rows = AlignedBuffer(count: modelCount, fill: UnsafePointer(base.pointer))
    unsafe someRows = AlignedBuffer(count: modelCount, fill: UnsafePointer(base.pointer))
    for (index, buffer) in deltas.enumerated() {
      unsafe rows.pointer[index] = UnsafePointer(buffer.pointer)
    }
  }

  /// The deltas of a model.
  package func delta(of model: Int) -> UnsafeMutablePointer<Float> {
    // SAFETY: the rows point to the buffers, which can be written to.
    unsafe UnsafeMutablePointer(mutating: rows.pointer[model])
  }

  /// Keeps a model's deltas as they are before stages act on them.
  func keepDelta(of model: Int, count: Int) {
    if untouched.isEmpty {
      untouched = deltas.map { _ in AlignedBuffer(count: tileElements, fill: 0) }
    }
    // SAFETY: both buffers hold a whole tile.
    unsafe untouched[model].pointer.update(from: delta(of: model), count: count)
  }

  /// Whether deltas are kept before stages act on them; else none does.
  var keepsDeltas: Bool { !untouched.isEmpty }

  /// The deltas of a model as they came.
  func keptDelta(of model: Int) -> UnsafePointer<Float> {
    untouched.isEmpty
      ? unsafe UnsafePointer(delta(of: model)) : unsafe UnsafePointer(untouched[model].pointer)
  }

  /// The deltas of all models, as kernels take them.
  package var deltaRows: UnsafePointer<UnsafePointer<Float>> { unsafe UnsafePointer(rows.pointer) }

  /// The deltas of some models, in order, until the next call.
  package func rows(of models: [Int]) -> UnsafePointer<UnsafePointer<Float>> {
    precondition(models.count <= deltas.count)
    for (place, model) in models.enumerated() {
      unsafe someRows.pointer[place] = rows.pointer[model]
    }
    return unsafe UnsafePointer(someRows.pointer)
  }
}
