internal import SluiceKernels
internal import SluiceMethods
internal import SluiceRecipe
internal import SluiceSolvers
package import SluiceStages

/// A pass over whole rows of linear layers of all models together: the products of each with the directions that the
/// models share, and of these with each other.
package struct JointRowsPass: FilePass {
  private let size: SketchSize
  private let share: Double

  init(_ inputs: PassInputs) {
    size = inputs.sketchSize
    share = inputs.recipe.method.gramShare
  }

  package var fileKind: UnitKind { .jointRows }
  package var name: String { "joint rows" }
  package var reason: String {
    "what each row has along the directions says how models are blended with the least disturbance"
  }
  package var cost: PassCost { .unknown }
  package var roles: Set<TensorRole> { [.linear] }

  package func graph(_ plan: TensorPlan) -> PassGraph {
    PassGraph([
      PassGraph.Node(
        .jointRows, count: plan.memory.lanes, stages: ["read", "delta", "project"])
    ])
  }

  package func bytesRead(_ plan: TensorPlan) -> Int {
    RowBlock.all(of: tasks(plan)).reduce(0) { $0 + byteCount($1) }
  }

  /// The bytes of weights that are read: of each model that has the layer, with the base's.
  private func byteCount(_ block: RowBlock) -> Int {
    block.task.fineTuned.indices.reduce(0) {
      $0 + (block.task.fineTuned[$1] == nil ? 0 : block.byteCount(model: $1))
    }
  }

  package func bytesSpilled(_ plan: TensorPlan) -> Int {
    BlendStore.byteCount(tasks(plan), size)
  }

  package func workerBytes(_ sizes: PassSizes) -> Int {
    let tasks = tasks(among: sizes.tasks)
    let rows = tasks.map { ModelRows.step($0) }.max() ?? 0
    let most = size.mostDirections(tasks)
    return RowProjector.byteCount(tasks, size: size)
      + 8 * size.mostPanelNumbers(tasks) + 4 * rows * most + 16 * size.modelCount * most * most
      + PassUnits.pieceBytes
  }

  package func unitBytes(_ sizes: PassSizes) -> Int {
    let tasks = tasks(among: sizes.tasks)
    let pieces = BlendStore.byteCount(tasks, size) / PassUnits.pieceBytes
    let blocks = RowBlock.all(of: tasks).count
    return blocks * PassUnits.byteCount
      + (pieces + blocks * (size.modelCount + 1)) * MemoryLayout<StripRecords.Slot>.stride
  }

  package func run(_ executor: any PassExecutor, _ findings: inout PassFindings) throws {
    let plan = executor.plan
    let tasks = tasks(plan)
    let units = try executor.units(fileKind)
    let file = units.ownFile
    guard let directions = findings.inputs.directions as? DirectionStore else {
      preconditionFailure("the directions are found before")
    }
    let store = BlendStore(file, tasks: tasks, directions: directions, share: share)
    try executor.work(
      self, .jointRows, on: RowBlock.all(of: tasks), units, byteCount: { byteCount($0) }
    ) { [kernels = executor.kernels] worker in
      let projector = JointProjector(
        store, directions, plan, tasks: tasks, kernels: kernels, worker: worker)
      return { block in
        try projector.work(block)
        let rows = (0..<plan.modelCount).map {
          store.range(task: block.task, model: $0, rows: block.rows)
        }
        return try units.body(ofBytesIn: rows + [store.range(block)])
      }
    }
    executor.didSpill(store.byteCount, in: self)
    findings.inputs.blend = store
    if size.share == nil { findings.sketched = try store.held(tasks) }
  }
}

/// Projects the rows of blocks, in one lane.
private final class JointProjector {
  private let store: BlendStore
  private let source: DirectionStore
  private let projector: RowProjector
  private var directions = Directions.none
  private var ordinal: Int?

  init(
    _ store: BlendStore, _ source: DirectionStore, _ plan: TensorPlan, tasks: [TensorTask],
    kernels: Kernels, worker: PassWorker
  ) {
    self.store = store
    self.source = source
    projector = RowProjector(
      plan, tasks: tasks, size: source.size, kernels: kernels, worker: worker)
  }

  /// Leaves what there is to say of a block in the store.
  func work(_ block: RowBlock) throws {
    let task = block.task
    if task.ordinal != ordinal {
      (ordinal, directions) = (nil, .none)
      directions = try source.directions(of: task, model: 0)
      ordinal = task.ordinal
    }
    let square = source.size.width(task) * source.size.width(task)
    var cores = [Double](repeating: 0, count: task.fineTuned.count * square)
    for model in task.fineTuned.indices where task.fineTuned[model] != nil {
      try projector.forEach(block.rows, of: task, model: model) { rows in
        guard directions.width > 0 else { return }
        try store.put(
          project(rows.count, task.columnCount, adding: model * square, to: &cores), task: task,
          model: model, firstRow: rows.lowerBound)
      }
    }
    try store.put(cores, block)
  }

  /// The products of rows with directions; adds theirs with each other to the cores.
  private func project(
    _ rowCount: Int, _ columns: Int, adding start: Int, to cores: inout [Double]
  ) -> [Float] {
    let (width, stride) = (directions.width, store.stride)
    projector.project(rowCount, columns: columns, on: directions.panels, width: width)
    projector.addGram(rowCount, width: width, to: &cores, at: start)
    var rows = [Float](repeating: 0, count: rowCount * stride)
    for row in 0..<rowCount {
      for index in 0..<width {
        rows[row * stride + index] = Float(projector.product(row, index, width: width))
      }
    }
    return rows
  }
}

extension NodeKind {
  /// Reads rows of a layer of all models and projects them.
  static let jointRows = NodeKind("joint rows", bytes: .input)
}
