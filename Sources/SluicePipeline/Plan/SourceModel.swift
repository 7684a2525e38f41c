internal import SluiceAdapters
internal import SluiceRecipe
internal import SluiceCore
internal import SluiceFormats

/// A checkpoint that takes part in a merge, with the names under which its tensors are found.
struct SourceModel {
  static let headName = "lm_head.weight"
  private static let embeddingSuffixes = ["embed_tokens.weight", "wte.weight"]

  /// The name in messages; `base` for the base model.
  let name: String
  let checkpoint: Checkpoint
  /// The ordinal of the checkpoint's first file in the run's list of files.
  let firstFile: Int
  /// The model's `config.json`.
  let config: TopLevelObject?
  /// The store that stands for the model, if it is one.
  var store: DeltaStore?
  /// What adapters add, by the base's names.
  var terms: [String: [DeltaTerm]] = [:]
  /// Whether there is nothing but adapters: what they say nothing of is the base's.
  var isAdapterAlone = false
  /// Whether the head of such a model is its embedding, which the base decides.
  var baseUsesEmbeddingAsHead = true
  /// What was found of each adapter.
  var adapters: [AppliedAdapter] = []

  /// What the config says of tied heads, if it says anything.
  var tiesHead: Bool? { config?.bool("tie_word_embeddings") }

  static func open(name: String, path: String, firstFile: Int) throws -> SourceModel {
    do throws(FormatError) {
      let store = try DeltaStore.open(path)
      let checkpoint: Checkpoint
      if let store {
        checkpoint = try store.checkpoint()
      } else {
        checkpoint = try Checkpoint.open(path)
      }
      var config: TopLevelObject?
      if let bytes = checkpoint.config {
        config = try TopLevelObject(bytes, file: "\(path)/config.json")
      }
      return SourceModel(
        name: name, checkpoint: checkpoint, firstFile: firstFile, config: config, store: store,
        isAdapterAlone: store?.facts["adapter-alone"] != nil)
    } catch {
      throw error.about(model: name)
    }
  }

  /// The input embedding, by the name that it has in this model.
  var embeddingName: String? {
    checkpoint.tensors.lazy.map(\.name).first { name in
      SourceModel.embeddingSuffixes.contains { name == $0 || name.hasSuffix("." + $0) }
    }
  }

  /// Whether the model has a head that is not its embedding.
  ///
  /// A head that is stored although the config ties it is the embedding once more.
  var hasOwnHead: Bool {
    (checkpoint[SourceModel.headName] != nil && tiesHead != true)
      || terms[SourceModel.headName] != nil
  }

  /// Whether a missing head means that the embedding is used in its place.
  var usesEmbeddingAsHead: Bool {
    checkpoint[SourceModel.headName] == nil && tiesHead != false && embeddingName != nil
      && baseUsesEmbeddingAsHead
  }

  /// The tensor that plays the part of the given name: itself, or the embedding for a tied head.
  func tensor(_ name: String) -> CheckpointTensor? {
    if let tensor = checkpoint[name] { return tensor }
    guard name == SourceModel.headName, usesEmbeddingAsHead, let embeddingName else { return nil }
    return checkpoint[embeddingName]
  }

  /// The path of the file that holds a tensor.
  func file(of tensor: CheckpointTensor) -> String { checkpoint.files[tensor.fileOrdinal].path }
}
