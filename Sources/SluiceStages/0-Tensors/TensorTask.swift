package import SluiceArchitecture
package import SluiceCore
package import SluiceFormats
package import SluiceKernels

/// Where the elements of one tensor of one model lie.
package struct TensorSource: Sendable, Hashable {
  /// The ordinal of the file in the run's list of input files.
  package let file: Int
  /// The type of the elements.
  package let dtype: DType
  /// The bytes of the tensor in that file.
  package let byteRange: Range<Int>
  /// How the elements lie there, if not one after the other.
  package let view: StridedView?
  /// How they are packed; the type is then that of the unpacked elements.
  package let packed: PackedView?
  /// The number of the deltas that are computed and added, if there are any (`DeltaSource`).
  package let computed: Int?
  /// Which rows they are of the model's; the type is then F32.
  package let matched: MatchedRows?

  /// Describes a source.
  ///
  /// - Parameters:
  ///   - file: The ordinal of the file.
  ///   - dtype: The type of the elements.
  ///   - byteRange: The bytes of the tensor in that file.
  ///   - view: How the elements lie there, if not one after the other.
  ///   - packed: How they are packed, if they are.
  ///   - computed: The number of the deltas that are computed and added.
  package init(
    file: Int, dtype: DType, byteRange: Range<Int>, view: StridedView? = nil,
    packed: PackedView? = nil, computed: Int? = nil
  ) {
    matched = nil
    self.file = file
    self.dtype = dtype
    self.byteRange = byteRange
    self.view = view
    self.packed = packed
    self.computed = computed
  }

  /// A model's tensor with its rows in the order of the base's.
  package init(_ matched: MatchedRows) {
    (file, byteRange) = (matched.own.file, matched.own.byteRange)
    dtype = .f32
    (view, packed, computed) = (nil, nil, nil)
    self.matched = matched
  }

  /// The type that holds its elements, where they are read as Float32 only to be put in order.
  package var storedDType: DType { matched?.storedDType ?? dtype }
  /// Whether its elements are read as Float32, whatever they lie there as.
  package var isNumbers: Bool { packed != nil || matched != nil }
  /// Whether its elements lie one after the other in the file, of the source's type.
  package var isPlain: Bool { view == nil && !isNumbers }
  /// Whether its elements do not lie there as they are read, one after the other.
  fileprivate var isStrided: Bool { !isPlain || computed != nil }

  /// The bytes that reading so many elements takes.
  package func byteCount(ofElements count: Int) -> Int {
    guard isStored else { return 0 }
    return packed?.byteCount(ofElements: count) ?? matched?.own.byteCount(ofElements: count)
      ?? count * (dtype.byteCount ?? 1)
  }

  /// Where elements of a plain source lie in its file.
  ///
  /// - Parameter elements: The elements, from the tensor's first on.
  /// - Returns: The bytes in the file.
  package func byteRange(ofElements elements: Range<Int>) -> Range<Int> {
    let (start, width) = (byteRange.lowerBound, dtype.byteCount ?? 1)
    return (start + elements.lowerBound * width)..<(start + elements.upperBound * width)
  }

  /// Deltas that are computed, and added to the base: nothing is read for them but factors.
  ///
  /// - Parameter ordinal: The number of the deltas.
  package init(computed ordinal: Int) {
    self.init(file: 0, dtype: .f32, byteRange: 0..<0, computed: ordinal)
  }

  /// Whether weights are read.
  package var isStored: Bool { computed == nil || !byteRange.isEmpty }

  /// The type that says how many different deltas there may be.
  package var deltaDType: DType { computed == nil ? dtype : .f32 }
}

/// What happens to a tensor.
public enum TensorRole: String, Sendable, Hashable {
  /// Its deltas are pruned, amplified and merged: a linear layer inside a block.
  case linear
  /// Its deltas are merged as they are: norms, biases, embeddings, heads.
  case dense
  /// The plain mean of its deltas is added: routers, where that is asked for.
  case averaged
  /// The base's weights, written in another type.
  case converted
  /// Its bytes are copied from one model: integer tensors, buffers, tensors of the base alone.
  case copied
}

/// The tensor of the output that a layer is a part of.
package struct StackPlace: Sendable, Hashable {
  /// The tensor's name.
  package let tensor: String
  /// The position of the layer in it.
  package let index: Int
  /// How many layers it holds, all of one length.
  package let count: Int
  /// Its shape.
  package let shape: TensorShape
  /// How its layers lie in it, where they are no pieces of it.
  package let layout: MatrixLayout?

  /// Describes a place.
  package init(
    tensor: String, index: Int, count: Int, shape: TensorShape, layout: MatrixLayout? = nil
  ) {
    self.tensor = tensor
    self.index = index
    self.count = count
    self.shape = shape
    self.layout = layout
  }

  /// Where the layer's elements lie, if they do not lie together.
  private var place: LayerPlace? {
    layout?.place(
      of: index, count: count, elementCount: shape.elementCount,
      rowLength: shape.dimensions.last ?? 0)
  }

  /// The position of the layer's first element in the tensor.
  package var firstElement: Int { place?.first ?? index * (shape.elementCount / max(count, 1)) }

  /// Which outputs of which matrix make the layer.
  package struct Outputs: Sendable, Hashable {
    /// The position of the matrix.
    package let matrix: Int
    /// The first output.
    package let first: Int
    /// How many there are.
    package let count: Int
    /// From one to the next.
    package let step: Int
  }

  /// The outputs that make the layer; nil where it is a piece of the tensor.
  package var outputs: Outputs? {
    guard let layout, let place else { return nil }
    let matrix = index / layout.layersPerMatrix
    return Outputs(
      matrix: matrix,
      first: place.first - matrix * layout.layersPerMatrix * place.rowCount * place.columnCount,
      count: place.rowCount, step: place.rowStep)
  }

  /// How the layer's elements lie from there on; nil where they are one after the other.
  var view: StridedView? { place?.view }
}

/// One tensor of the merged model, or one layer of a tensor that holds several: where it comes from,
/// what is done, where it goes.
///
/// A class, since many lists hold the tasks of a run, and a run may have hundreds of thousands.
public final class TensorTask: Sendable {
  /// The position in the run's list of tasks.
  package let ordinal: Int
  /// The tensor's name.
  public let name: String
  /// What happens to it.
  public let role: TensorRole
  /// The number of elements written.
  public let elementCount: Int
  /// The base model's elements; fewer than `elementCount` if rows are added, never more are read.
  package let base: TensorSource
  /// How many elements the base has of those written.
  package let baseElementCount: Int
  /// Each fine-tuned model's elements, nil where the model counts as unchanged.
  package let fineTuned: [TensorSource?]
  /// How many elements each fine-tuned model has of those written.
  package let fineTunedElementCounts: [Int]
  /// The type of the elements written.
  package let outputDType: DType
  /// The ordinal of the output shard.
  package let outputShard: Int
  /// Where the tensor's bytes begin in that shard.
  package let outputOffset: Int
  /// The ordinal of the first strip in the run's numbering of strips.
  package let firstStrip: Int
  /// The number of elements in a row: those of the last dimension.
  package let columnCount: Int
  /// The dimensions of the tensor written.
  package let dimensions: [Int]
  /// The part that it plays in the model, and why.
  package let part: TensorPart
  /// The tensor of the output that it is a part of; nil if it is one by itself.
  package let stack: StackPlace?
  /// How the elements lie in the output, if not one after the other.
  package let outputView: StridedView?

  /// The bytes that all models have of it.
  package let inputByteCount: Int
  /// Whether elements of a model do not lie one after the other in their file.
  package let hasStridedSource: Bool
  /// Whether the deltas of a model are counted in bins.
  package let isCountedInBins: Bool
  /// Whether all of its elements lie in the files of all models that have it as they are read, one after the other.
  let isWhole: Bool

  /// The number of rows.
  package var rowCount: Int { columnCount > 0 ? elementCount / columnCount : 0 }

  /// Describes a task.
  ///
  /// - Parameters:
  ///   - ordinal: The position in the run's list of tasks.
  ///   - name: The tensor's name.
  ///   - role: What happens to it.
  ///   - elementCount: The number of elements written.
  ///   - base: The base model's elements.
  ///   - baseElementCount: How many elements the base has of those written.
  ///   - fineTuned: Each fine-tuned model's elements.
  ///   - fineTunedElementCounts: How many elements each fine-tuned model has of those written.
  ///   - outputDType: The type of the elements written.
  ///   - outputShard: The ordinal of the output shard.
  ///   - outputOffset: Where the tensor's bytes begin in that shard.
  ///   - firstStrip: The ordinal of the first strip.
  ///   - columnCount: The number of elements in a row; all of them if nil.
  ///   - dimensions: The dimensions; rows and columns if nil.
  ///   - part: The part that it plays in the model.
  ///   - stack: The tensor of the output that it is a part of.
  package init(
    ordinal: Int, name: String, role: TensorRole, elementCount: Int, base: TensorSource,
    baseElementCount: Int, fineTuned: [TensorSource?], fineTunedElementCounts: [Int],
    outputDType: DType, outputShard: Int, outputOffset: Int, firstStrip: Int,
    columnCount: Int? = nil, dimensions: [Int]? = nil,
    part: TensorPart = TensorPart(.other, "nobody asked"), stack: StackPlace? = nil
  ) {
    self.ordinal = ordinal
    self.name = name
    self.role = role
    self.elementCount = elementCount
    self.base = base
    self.baseElementCount = baseElementCount
    self.fineTuned = fineTuned
    self.fineTunedElementCounts = fineTunedElementCounts
    self.outputDType = outputDType
    self.outputShard = outputShard
    self.outputOffset = outputOffset
    self.firstStrip = firstStrip
    let columns = columnCount ?? elementCount
    self.columnCount = columns
    self.dimensions = dimensions ?? [columns > 0 ? elementCount / columns : 0, columns]
    self.part = part
    self.stack = stack
    outputView = stack?.view
    var inputByteCount = base.byteCount(ofElements: baseElementCount)
    var hasStridedSource = base.isStrided
    var isWhole = elementCount > 0 && baseElementCount == elementCount
    for (source, count) in zip(fineTuned, fineTunedElementCounts) {
      guard let source else { continue }
      inputByteCount += source.byteCount(ofElements: count)
      hasStridedSource = hasStridedSource || source.isStrided
      isWhole = isWhole && count == elementCount
    }
    self.inputByteCount = inputByteCount
    self.hasStridedSource = hasStridedSource
    self.isWhole = isWhole && !hasStridedSource
    isCountedInBins = fineTuned.contains { source in
      source.map { HistogramMode(base: base.dtype, fineTuned: $0.deltaDType) == .binned } ?? false
    }
  }
}

extension TensorTask {
  /// How the deltas of each model that has some are counted.
  package var histogramModes: [HistogramMode] {
    fineTuned.compactMap { source in
      source.map { HistogramMode(base: base.dtype, fineTuned: $0.deltaDType) }
    }
  }

  /// Whether each model's elements have the types of those of another tensor.
  package func hasTypes(of other: TensorTask) -> Bool {
    base.dtype == other.base.dtype
      && fineTuned.indices.allSatisfy {
        fineTuned[$0]?.deltaDType == other.fineTuned[$0]?.deltaDType
      }
  }
}

extension TensorTask: Hashable {
  /// About the bytes of one, without what its names and lists hold: its fields, its header and what an
  /// allocation is rounded up by.
  package static let byteCount =
    32
    + MemoryLayout<
      (
        Int, String, TensorRole, Int, TensorSource, Int, [TensorSource?], [Int], DType, Int, Int,
        Int, Int, [Int], TensorPart, StackPlace?
      )
    >.size

  /// Whether all that is said of two tasks is the same.
  public static func == (a: TensorTask, b: TensorTask) -> Bool {
    a === b
      || (a.ordinal, a.name, a.role, a.elementCount, a.base, a.baseElementCount)
        == (b.ordinal, b.name, b.role, b.elementCount, b.base, b.baseElementCount)
        && (a.fineTuned, a.fineTunedElementCounts, a.outputDType, a.outputShard, a.outputOffset)
          == (b.fineTuned, b.fineTunedElementCounts, b.outputDType, b.outputShard, b.outputOffset)
        && (a.firstStrip, a.columnCount, a.dimensions, a.part, a.stack)
          == (b.firstStrip, b.columnCount, b.dimensions, b.part, b.stack)
  }

  /// Hashes what tells the tasks of a run apart.
  public func hash(into hasher: inout Hasher) {
    hasher.combine(ordinal)
    hasher.combine(name)
  }
}
