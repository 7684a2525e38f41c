package import SluiceArchitecture
package import SluiceCore
package import SluiceFormats
package import SluiceKernels

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
