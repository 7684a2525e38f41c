internal import SluiceArchitecture
internal import SluiceCore
package import SluiceFormats
package import SluiceStages

/// A tensor of the merged model, or a layer of one of its stacks, before it has a place in the output.
///
/// A class, as there may be ten thousands, which are put in order.
final class TensorDraft: @unchecked Sendable {
  // Safe to share: one thread fills it, and nothing changes it afterwards.

  var name: String
  var role: TensorRole
  var part: TensorPart
  var shape: TensorShape
  var outputDType: DType
  var base: TensorSource
  var baseElementCount: Int
  var fineTuned: [TensorSource?]
  var fineTunedElementCounts: [Int]
  /// The tensor of the output that it is a part of; nil if it is one by itself.
  var stack: StackPlace?

  /// Describes a tensor of which no fine-tuned model has given anything yet.
  init(
    name: String, role: TensorRole, part: TensorPart, shape: TensorShape, outputDType: DType,
    base: TensorSource, modelCount: Int
  ) {
    (self.name, self.role, self.part, self.shape) = (name, role, part, shape)
    (self.outputDType, self.base) = (outputDType, base)
    baseElementCount = shape.elementCount
    fineTuned = Array(repeating: nil, count: modelCount)
    fineTunedElementCounts = Array(repeating: 0, count: modelCount)
  }
}

extension SourceModel {
  /// Where a tensor's elements are read from.
  package func source(_ tensor: CheckpointTensor) -> TensorSource {
    SourceModel.source(tensor, firstFile: firstFile)
  }

  /// The same where the model's first file is known.
  static func source(_ tensor: CheckpointTensor, firstFile: Int) -> TensorSource {
    let entry = tensor.entry
    return TensorSource(
      file: firstFile + tensor.fileOrdinal, dtype: entry.dtype, byteRange: entry.byteRange,
      view: entry.view, packed: entry.packed?.shifted(by: firstFile))
  }
}
