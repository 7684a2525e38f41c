package import SluiceAdapters
package import SluiceCore
package import SluiceMethods

/// Everything that can change a byte of the merged checkpoint, and nothing else.
public struct MergeRecipe: Sendable, Hashable {
  /// A fine-tuned model and what is done to it.
  package struct Model: Sendable, Hashable {
    /// The name in messages and the report.
    package var name: String
    /// The directory or file.
    package var path: String
    /// The amplification factors, most severe partition first; 1 where none is given.
    package var amplification: [Double] = []
    /// What the model's deltas are multiplied by before they are merged.
    package var weight: Double = 1
    /// The files of the model that the method reads.
    package var extraFiles: [MethodInputFile: String] = [:]
    /// The same where it differs from tensor to tensor; `weight` where it says nothing.
    package var weightByTensor: TensorNumber?
    /// The fraction of this model's deltas to remove, where it is not the method's.
    package var pruningRate: TensorNumber?
    /// The adapters that are added to what lies at the path, in order.
    package var adapters: [Adapter] = []

    /// Describes a model.
    package init(name: String, path: String) {
      self.name = name
      self.path = path
    }
  }

  /// An adapter of a model.
  package struct Adapter: Sendable, Hashable {
    /// The directory.
    package var path: String
    /// What its deltas are multiplied by.
    package var scale: Double = 1

    /// Describes an adapter.
    package init(path: String, scale: Double = 1) {
      self.path = path
      self.scale = scale
    }
  }

  /// What to do where vocabularies differ in their number of rows.
  package enum Vocabulary: String, Sendable, Hashable, CaseIterable {
    /// Refuse.
    case error
    /// Keep the base's rows: further rows are cut, missing ones count as unchanged.
    case base
    /// Add rows: the mean of the models that have them.
    case extend
  }

  /// What to do with a tensor that the base does not have.
  package enum ExtraTensors: String, Sendable, Hashable, CaseIterable {
    /// Refuse.
    case error
    /// Leave it out.
    case ignore
    /// Copy it from the first model that has it.
    case copy
  }

  /// The directory or file of the base model.
  package var base: String
  /// The fine-tuned models; their order is part of the result.
  package var models: [Model]
  /// How deltas are pruned, amplified and merged.
  package var method: MethodParameters
  /// The files of all models together that the method reads.
  package var extraFiles: [MethodInputFile: String] = [:]
  /// Which tensors are linear layers.
  package var linearSet = LinearSet()
  /// The type of the merged weights; the base tensor's own if nil.
  package var outputDType: DType?
  /// The most bytes of tensors in a shard.
  package var shardSize = ByteCount(5_000_000_000)
  /// What to do where vocabularies differ.
  package var vocabulary: Vocabulary = .error
  /// What to do with a tensor that the base does not have.
  package var extraTensors: ExtraTensors = .error
  /// How products of adapters' factors are rounded.
  package var adapterRounding: AdapterRounding = .exact
  /// How adapters' factors of stacked experts are packed.
  package var expertPacking: ExpertPacking?
  /// The stages of one's own.
  package var stages = CustomStages()

  /// Describes a merge with the default of everything else.
  package init(base: String, models: [Model], method: MethodParameters) {
    self.base = base
    self.models = models
    self.method = method
  }
}
