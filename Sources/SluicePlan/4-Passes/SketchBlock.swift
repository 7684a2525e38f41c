internal import SluiceStages

/// A block of a layer of one model.
struct SketchBlock: Sendable {
  let rows: RowBlock
  let model: Int

  var task: TensorTask { rows.task }
  var byteCount: Int { rows.byteCount(model: model) }

  /// The blocks of what models have of layers.
  static func all(of tasks: [TensorTask], modelCount: Int) -> [SketchBlock] {
    tasks.flatMap { task in
      (0..<modelCount).filter { task.fineTuned[$0] != nil }.flatMap { model in
        RowBlock.all(of: [task]).map { SketchBlock(rows: $0, model: model) }
      }
    }
  }

  /// The bytes of weights that are read for all of them.
  static func bytesRead(of tasks: [TensorTask], modelCount: Int) -> Int {
    all(of: tasks, modelCount: modelCount).reduce(0) { $0 + $1.byteCount }
  }
}

/// Where in a file lies what is kept of blocks of layers, of each model that has the layer.
struct BlockPlaces: Sendable {
  private let places: ModelPlaces
  private let blockBytes: @Sendable (TensorTask) -> Int
  /// The bytes of all.
  var byteCount: Int { places.byteCount }

  /// Lays blocks out.
  ///
  /// - Parameters:
  ///   - tasks: The layers.
  ///   - modelCount: The number of models.
  ///   - blockBytes: The bytes of a block of a layer.
  init(
    _ tasks: [TensorTask], modelCount: Int, blockBytes: @escaping @Sendable (TensorTask) -> Int
  ) {
    self.blockBytes = blockBytes
    places = ModelPlaces(tasks, modelCount: modelCount) { task, model in
      task.fineTuned[model].map { _ in RowBlock.count(task) * blockBytes(task) }
    }
  }

  /// The bytes of a file for what models have of layers.
  static func byteCount(_ tasks: [TensorTask], blockBytes: (TensorTask) -> Int) -> Int {
    tasks.reduce(0) { sum, task in
      sum + task.fineTuned.count { $0 != nil } * RowBlock.count(task) * blockBytes(task)
    }
  }

  /// Where a block lies.
  func range(_ block: SketchBlock) -> Range<Int> {
    let count = blockBytes(block.task)
    let start =
      (places.start(of: block.task, model: block.model) ?? 0) + block.rows.index * count
    return start..<start + count
  }
}
