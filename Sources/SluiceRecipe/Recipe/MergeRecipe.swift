package import SluiceArchitecture
internal import SluiceCore
internal import SluiceFormats
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
    /// Where its layers come from, if not all from the path; the path is then that of its config.
    package var layers: [LayerSource] = []

    /// Whether anything is said of its weight.
    package var isWeighted: Bool { weight != 1 || weightByTensor != nil }

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

  /// The directory or file of the base model.
  package var base: String
  /// Where its layers come from, if not all from the path; the path is then that of its config.
  package var baseLayers: [LayerSource] = []
  /// The fine-tuned models; their order is part of the result.
  package var models: [Model]
  /// What can be set: how models are read, pruned, amplified, merged and written.
  package var method: MethodParameters
  /// The files of all models together that the method reads.
  package var extraFiles: [MethodInputFile: String] = [:]
  /// The stages of one's own.
  package var stages = CustomStages()
  /// What a recipe in mergekit's grammar says, whose methods are none of ours.
  package var steps: StepSettings?

  /// Which tensors are linear layers.
  package var linearSet: LinearSet {
    get {
      var set = LinearSet()
      set.include = method.linearInclude
      set.exclude = method.linearExclude
      return set
    }
    set {
      method.linearInclude = newValue.include
      method.linearExclude = newValue.exclude
    }
  }

  /// Describes a merge with the default of everything else.
  package init(base: String, models: [Model], method: MethodParameters) {
    self.base = base
    self.models = models
    self.method = method
  }
}
