internal import SluiceArchitecture
internal import SluiceCore
package import SluiceFormats
internal import SluiceRecipe
package import SluiceStages

/// What one process must know of a merge to do a part of it without looking at the models: some of the tensors, where
/// they lie, and where they go.
///
/// There is one for each share, and one of all linear layers without their places, from which rates are made.
package struct PlanSlice: Sendable, Hashable {
  /// A file of a model.
  package struct File: Sendable, Hashable {
    /// The position of the model; 0 is the base.
    package let model: Int
    /// The path in the model's directory; empty if the model is this file.
    package let name: String
    /// The length.
    package let byteCount: Int
    /// What is in it, as manifests say it.
    package let content: Hash128

    package init(model: Int, name: String, byteCount: Int, content: Hash128) {
      (self.model, self.name, self.byteCount, self.content) = (model, name, byteCount, content)
    }
  }

  /// The tensors, ascending by their ordinals; their sources' files are positions in `files`.
  package var tasks: [TensorTask] = []
  /// The strips that are merged, ascending.
  package var strips: [Int] = []
  /// The bytes that are read and written when they are merged.
  package var byteCount = 0
  /// The files that the tensors lie in, the base's first.
  package var files: [File] = []
  /// The lengths of the files of the result.
  package var shardByteCounts: [Int] = []
  /// The number of fine-tuned models.
  package var modelCount = 0
  /// The number of all tensors.
  package var taskCount = 0
  /// The number of all strips.
  package var stripCount = 0
  /// The number of deltas of a model.
  package var deltaCount = 0
  /// The bytes of all input files.
  package var inputByteCount = 0

  package init() {}
}

extension PlanSlice {
  /// Whether a plan can be divided into slices: its tensors lie as they are in files of the models, and what is
  /// done with one does not depend on other files, or on where others lie.
  package static func isPossible(_ plan: MergePlan) -> Bool {
    let recipe = plan.recipe
    return recipe.steps == nil && recipe.stages.identities.isEmpty && recipe.extraFiles.isEmpty
      && recipe.baseLayers.isEmpty
      && recipe.models.allSatisfy {
        $0.extraFiles.isEmpty && $0.adapters.isEmpty && $0.layers.isEmpty && $0.pruningRate == nil
          && $0.weightByTensor == nil
      } && plan.passInputs.solve.jobs.isEmpty && plan.tensors.deltas == nil
      && plan.tensors.stored.isEmpty
      && plan.tasks.allSatisfy { task in
        task.stack == nil
          && ([task.base] + task.fineTuned).allSatisfy {
            $0?.isPlain != false && $0?.computed == nil
          }
      } && plan.tensors.files.indices.allSatisfy { plan.tensors.fileName($0) != nil }
  }

  /// What all slices of a plan have alike.
  private init(of plan: MergePlan) {
    shardByteCounts = plan.layout.shards.map(\.byteCount)
    modelCount = plan.tensors.modelCount
    taskCount = plan.tensors.taskCount
    stripCount = plan.tensors.stripCount
    deltaCount = plan.deltaCount
    inputByteCount = plan.tensors.files.reduce(0) { $0 + $1.byteCount }
  }

  /// The slice of a share.
  ///
  /// - Parameters:
  ///   - plan: The plan of all of it.
  ///   - share: The share.
  ///   - contents: What is in each input file.
  package init(of plan: MergePlan, _ share: ShareCut.Share, contents: [Hash128]) {
    self.init(of: plan)
    strips = share.strips
    byteCount = share.byteCount
    let whole = share.tasks.map { plan.tasks[$0] }
    let ordinals = Set(
      whole.flatMap { task in ([task.base] + task.fineTuned).compactMap { $0?.file } }
    ).sorted()
    let positions = Dictionary(uniqueKeysWithValues: zip(ordinals, ordinals.indices))
    func moved(_ source: TensorSource) -> TensorSource {
      TensorSource(
        file: positions[source.file] ?? 0, dtype: source.dtype, byteRange: source.byteRange)
    }
    files = ordinals.map { ordinal in
      File(
        model: plan.tensors.model(ofFile: ordinal), name: plan.tensors.fileName(ordinal) ?? "",
        byteCount: plan.tensors.files[ordinal].byteCount, content: contents[ordinal])
    }
    tasks = whole.map { task in
      TensorTask(
        ordinal: task.ordinal, name: task.name, role: task.role, elementCount: task.elementCount,
        base: moved(task.base), baseElementCount: task.baseElementCount,
        fineTuned: task.fineTuned.map { $0.map(moved) },
        fineTunedElementCounts: task.fineTunedElementCounts, outputDType: task.outputDType,
        outputShard: task.outputShard, outputOffset: task.outputOffset,
        firstStrip: task.firstStrip, columnCount: task.columnCount, dimensions: task.dimensions)
    }
  }

  /// The slice that rates are made with: all linear layers, and one tensor of each other role.
  package init(layersOf plan: MergePlan) {
    self.init(of: plan)
    var roles: Set<TensorRole> = []
    tasks = plan.tasks.filter { roles.insert($0.role).inserted || $0.role == .linear }.map { task in
      TensorTask(
        ordinal: task.ordinal, name: task.name, role: task.role, elementCount: task.elementCount,
        base: TensorSource(file: 0, dtype: task.base.dtype, byteRange: 0..<0), baseElementCount: 0,
        fineTuned: task.fineTuned.map { _ in nil },
        fineTunedElementCounts: task.fineTuned.map { _ in 0 }, outputDType: task.outputDType,
        outputShard: 0, outputOffset: 0, firstStrip: task.firstStrip)
    }
  }
}

extension TensorPlan {
  /// The position of the model that a file belongs to; 0 is the base.
  fileprivate func model(ofFile ordinal: Int) -> Int {
    (firstFiles.lastIndex { $0 <= ordinal } ?? 0)
  }

  /// The path of a file in its model's directory; nil if it lies elsewhere.
  fileprivate func fileName(_ ordinal: Int) -> String? {
    let root = request.path(ofModel: model(ofFile: ordinal))
    let path = files[ordinal].path
    if path == root { return "" }
    let folder = root.hasSuffix("/") ? root : "\(root)/"
    guard path.utf8.starts(with: folder.utf8) else { return nil }
    return String(Substring(path.utf8.dropFirst(folder.utf8.count)))
  }
}

extension TensorRequest {
  /// Where a model lies; 0 is the base.
  func path(ofModel model: Int) -> String { model == 0 ? base : models[model - 1].path }
}
