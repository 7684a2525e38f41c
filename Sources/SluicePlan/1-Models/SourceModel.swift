internal import SluiceAdapters
package import SluiceArchitecture
internal import SluiceCore
package import SluiceFormats
package import SluiceRecipe
package import SluiceStore

/// A checkpoint that takes part in a merge, with the names under which its tensors are found.
package struct SourceModel: Sendable {
  /// The name in messages; `base` for the base model.
  let name: String
  /// The tensors.
  package let catalog: ModelCatalog
  /// The ordinal of the checkpoint's first file in the run's list of files.
  var firstFile: Int
  /// The model's `config.json`, to be written with changes.
  let config: TopLevelObject?
  /// The store that stands for the model, if it is one.
  package var store: DeltaStore?
  /// The input embedding, by the name that it has in this model.
  package let embeddingName: String?
  /// The head that the checkpoint stores, if it stores one.
  let storedHeadName: String?
  /// What adapters add, by the base's names.
  var terms: [String: [DeltaTerm]] = [:]
  /// Whether there is nothing but adapters: what they say nothing of is the base's.
  var isAdapterAlone = false
  /// Whether the head of such a model is its embedding, which the base decides.
  var baseUsesEmbeddingAsHead = true
  /// What was found of each adapter.
  var adapters: [AppliedAdapter] = []
  /// Where its layers come from, if it is a stack.
  var layers: [LayerSource] = []

  /// The checkpoint.
  package var checkpoint: Checkpoint { catalog.checkpoint }

  /// What the config says of tied heads, if it says anything.
  var tiesHead: Bool? { catalog.tiesHead }

  /// Opens a checkpoint, store or stack by itself; its names are the base's by renaming only where the base is given.
  ///
  /// What it shares with another model, as a fine-tune with its base, is looked at once.
  package static func open(
    name: String, path: String, layers: [LayerSource] = [], firstFile: Int,
    renamings: [ModelNames.Renaming] = [], base: SourceModel? = nil, like known: SourceModel? = nil
  ) throws -> SourceModel {
    do throws(FormatError) {
      let store = layers.isEmpty ? try DeltaStore.open(path) : nil
      let checkpoint: Checkpoint
      if !layers.isEmpty {
        checkpoint = try StackedCheckpoint(path: path, layers: layers).checkpoint()
      } else if let store {
        checkpoint = try store.checkpoint()
      } else {
        checkpoint = try Checkpoint.open(path, like: known?.checkpoint)
      }
      var config: TopLevelObject?
      if let bytes = checkpoint.config {
        config = try TopLevelObject(bytes, file: "\(path)/config.json")
      }
      if let known, let catalog = try known.catalog.shared(with: checkpoint) {
        return SourceModel(
          name: name, catalog: catalog, firstFile: firstFile, config: config,
          embeddingName: known.embeddingName, storedHeadName: known.storedHeadName)
      }
      let catalog = try ModelCatalog(
        checkpoint, renamings: base == nil ? [] : renamings,
        baseNames: base.flatMap { renamings.isEmpty ? nil : Set($0.catalog.layerNames) })
      let names = catalog.tensors.map(\.name)
      return SourceModel(
        name: name, catalog: catalog, firstFile: firstFile, config: config, store: store,
        embeddingName: HeadNames.embedding(among: names),
        storedHeadName: names.first(where: HeadNames.isHead),
        isAdapterAlone: store?.facts["adapter-alone"] != nil, layers: layers)
    } catch {
      throw error.about(model: name)
    }
  }

  /// The head, by the name that it has or would have.
  package var headName: String {
    storedHeadName ?? embeddingName.map(HeadNames.head) ?? HeadNames.standard
  }

  /// Whether the model has a head that is not its embedding.
  ///
  /// A head that is stored although the config ties it is the embedding once more, or stale.
  var hasOwnHead: Bool {
    (storedHeadName != nil && tiesHead != true) || terms.keys.contains(where: HeadNames.isHead)
  }

  /// Whether the embedding is used as the head: where the config ties them, or there is no other.
  var usesEmbeddingAsHead: Bool {
    guard !isAdapterAlone else {
      return baseUsesEmbeddingAsHead && embeddingName != nil && storedHeadName == nil
    }
    return embeddingName != nil
      && (tiesHead == true || (storedHeadName == nil && tiesHead != false))
  }

  /// The tensor that plays the part of the given name: itself, or the embedding for a tied head.
  package func tensor(_ name: String) -> CheckpointTensor? {
    if HeadNames.isHead(name), usesEmbeddingAsHead, let embeddingName {
      return catalog[embeddingName]
    }
    return catalog[name] ?? (HeadNames.isHead(name) ? storedHeadName.flatMap { catalog[$0] } : nil)
  }

  /// Whether layers are missing, since slices have unequally many sources.
  var hasGaps: Bool { layers.contains(where: \.isGap) }

  /// Whether a tensor would stand where nothing stands.
  func isInGap(_ name: String) -> Bool {
    guard hasGaps else { return false }
    guard var number = BlockName.number(of: name) else {
      return (BlockName.isBehindBlocks(name) ? layers.last : layers.first)?.isGap ?? false
    }
    for source in layers {
      guard number >= source.layers.count else { return source.isGap }
      number -= source.layers.count
    }
    return false
  }

  /// The path of the file that holds a tensor.
  func file(of tensor: CheckpointTensor) -> String { checkpoint.files[tensor.fileOrdinal].path }
}
