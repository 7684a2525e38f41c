package import SluiceArchitecture
package import SluiceCore
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

    /// Describes a model.
    package init(name: String, path: String) {
      self.name = name
      self.path = path
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

  /// What to do with a tensor that a model does not have.
  package enum Absent: String, Sendable, Hashable, CaseIterable {
    /// Refuse.
    case error
    /// Take it as unchanged, however many there are.
    case base
  }

  /// What becomes of routers, which are not pruned.
  package enum Routers: String, Sendable, Hashable, CaseIterable {
    /// They are merged as the method merges what is not pruned.
    case merge
    /// The plain mean of the models' changes is added.
    case average
    /// The base's stay.
    case base
    /// The first model's are taken.
    case first
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
  /// What to do with a tensor that a model does not have; refused where most are missing if nil.
  package var absent: Absent?
  /// How names of models are changed that are not the base's, each as `OLD=NEW`.
  package var renames: [String] = []
  /// What becomes of routers.
  package var routers: Routers = .merge
  /// The stages of one's own.
  package var stages = CustomStages()

  /// Describes a merge with the default of everything else.
  package init(base: String, models: [Model], method: MethodParameters) {
    self.base = base
    self.models = models
    self.method = method
  }
}

extension MergeRecipe {
  /// The same recipe with the snapshots of the local cache in the place of names of the hub.
  package func resolvingHubNames() throws -> MergeRecipe {
    var recipe = self
    recipe.base = try HubCache.resolve(base)
    for index in models.indices {
      do throws(FormatError) {
        recipe.models[index].path = try HubCache.resolve(models[index].path)
      } catch {
        throw error.about(model: models[index].name)
      }
    }
    return recipe
  }
}
