internal import SluiceKernels
internal import SluiceMethods
package import SluiceStages

/// A pass over whole rows of linear layers of each model: what each of the layer's directions holds of the squares of its
/// deltas, so that as many are taken as hold the share that is asked for.
///
/// Formula, with Q an orthonormal basis of the directions, in their order: direction j holds the sum of (d Q)_j^2 over
/// the rows d. Directions are found so that the first r span what would be found if r were looked for
/// (`DirectionFinder`).
/// Accuracy: products are those of `Kernels.project`, sums Double, row after row inside a block, then block by block.
package struct EnergiesPass: FilePass {
  private let size: SketchSize

  init(_ inputs: PassInputs) { size = inputs.sketchSize }

  package var fileKind: UnitKind { .energies }
  package var name: String { "energies" }
  package var reason: String {
    "what each direction holds of the deltas' squares says how many of them are taken"
  }
  package var cost: PassCost { .unknown }
  package var roles: Set<TensorRole> { [.linear] }

  package func graph(_ plan: TensorPlan) -> PassGraph {
    PassGraph([
      PassGraph.Node(.energies, count: plan.memory.lanes, stages: ["read", "delta", "project"])
    ])
  }

  package func bytesRead(_ plan: TensorPlan) -> Int {
    SketchBlock.bytesRead(of: tasks(plan), modelCount: plan.modelCount)
  }

  package func bytesSpilled(_ plan: TensorPlan) -> Int {
    EnergyStore.byteCount(tasks(plan), size: size)
  }

  package func workerBytes(_ sizes: PassSizes) -> Int {
    let tasks = tasks(among: sizes.tasks)
    let columns = tasks.map(\.columnCount).max() ?? 0
    let most = size.mostDirections(tasks)
    // Directions, a basis of them in Double, and that in panels.
    return RowProjector.byteCount(tasks, size: size)
      + 8 * size.mostPanelNumbers(tasks) + 12 * most * columns + 16 * most + PassUnits.pieceBytes
  }

  package func unitBytes(_ sizes: PassSizes) -> Int {
    let tasks = tasks(among: sizes.tasks)
    let pieces = EnergyStore.byteCount(tasks, size: size) / PassUnits.pieceBytes
    let blocks = SketchBlock.all(of: tasks, modelCount: sizes.modelCount).count
    return blocks * PassUnits.byteCount
      + (pieces + blocks) * MemoryLayout<StripRecords.Slot>.stride
  }

  package func run(_ executor: any PassExecutor, _ findings: inout PassFindings) throws {
    let plan = executor.plan
    let tasks = tasks(plan)
    let units = try executor.units(fileKind)
    let file = units.ownFile
    guard let directions = findings.inputs.directions as? DirectionStore else {
      preconditionFailure("the directions are found before")
    }
    let store = EnergyStore(file, tasks: tasks, modelCount: plan.modelCount, size: size)
    let blocks = SketchBlock.all(of: tasks, modelCount: plan.modelCount)
    try executor.work(self, .energies, on: blocks, units, byteCount: { $0.byteCount }) {
      [size, kernels = executor.kernels] worker in
      let projector = EnergyProjector(
        directions, plan, tasks: tasks, size: size, kernels: kernels, worker: worker)
      return { block in
        try store.put(projector.energies(block), block)
        return try units.body(ofBytesIn: store.range(block))
      }
    }
    executor.didSpill(store.byteCount, in: self)
    let chosen = DirectionStore(directions, energies: store)
    findings.inputs.directions = chosen
    findings.sketched = try chosen.held(tasks, modelCount: plan.modelCount)
  }
}

/// Projects the rows of blocks, in one lane.
private final class EnergyProjector {
  private let source: DirectionStore
  private let size: SketchSize
  private let kernels: Kernels
  private let projector: RowProjector
  private var panels: [Float] = []
  private var width = 0
  private var owner: (task: Int, model: Int)?

  init(
    _ source: DirectionStore, _ plan: TensorPlan, tasks: [TensorTask], size: SketchSize,
    kernels: Kernels, worker: PassWorker
  ) {
    self.source = source
    self.size = size
    self.kernels = kernels
    projector = RowProjector(plan, tasks: tasks, size: size, kernels: kernels, worker: worker)
  }

  /// What directions hold of a block.
  func energies(_ block: SketchBlock) throws -> [Double] {
    let task = block.task
    try begin(task, model: size.isJoint ? 0 : block.model)
    var sums = [Double](repeating: 0, count: size.width(task))
    try projector.forEach(block.rows.rows, of: task, model: block.model) { rows in
      guard width > 0 else { return }
      projector.project(rows.count, columns: task.columnCount, on: panels, width: width)
      projector.addSquares(rows.count, width: width, to: &sums)
    }
    return sums
  }

  private func begin(_ task: TensorTask, model: Int) throws {
    guard owner ?? (-1, -1) != (task.ordinal, model) else { return }
    (owner, panels, width) = (nil, [], 0)
    let found = try source.directions(of: task, model: model)
    width = found.width
    panels = size.isJoint ? found.panels : found.basis(kernels)
    owner = (task.ordinal, model)
  }
}

extension NodeKind {
  /// Reads rows of a layer of a model and projects them.
  static let energies = NodeKind("energies", bytes: .input)
}
