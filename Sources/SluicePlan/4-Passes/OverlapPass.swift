internal import SluiceKernels
internal import SluiceMethods
package import SluiceStages

/// A pass over whole rows of linear layers of each model: what its own directions and those of the other models hold of
/// the squares of its deltas.
///
/// Formula, with Q_b an orthonormal basis of model b's directions, in their order: direction j of b holds of model a the
/// sum of (d Q_b)_j^2 over the rows d of a. Of a's own directions also transpose(D Q_a) (D Q_a).
/// Accuracy: as `EnergiesPass`; the products with each other are those of `Kernels.addGram`.
package struct OverlapPass: FilePass {
  private let size: SketchSize

  init(_ size: SketchSize) { self.size = size }

  package var fileKind: UnitKind { .energies }
  package var name: String { "overlap" }
  package var reason: String {
    "rows are projected on the directions of all models, to see what these hold of them"
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
    OverlapStore.byteCount(tasks(plan), size: size)
  }

  package func workerBytes(_ sizes: PassSizes) -> Int {
    let tasks = tasks(among: sizes.tasks)
    let columns = tasks.map(\.columnCount).max() ?? 0
    // The bases of all models, and what one is made from.
    return RowProjector.byteCount(tasks, size: size)
      + 4 * (sizes.modelCount + 2) * size.mostPanelNumbers(tasks)
      + 12 * size.mostDirections(tasks) * columns + 16 * OverlapStore.most(tasks, size)
      + PassUnits.pieceBytes
  }

  package func unitBytes(_ sizes: PassSizes) -> Int { 0 }

  package func run(_ executor: any PassExecutor, _ findings: inout PassFindings) throws {
    guard let directions = findings.inputs.directions as? DirectionStore else {
      preconditionFailure("the directions are found before")
    }
    _ = try overlaps(executor, directions)
  }

  /// Projects the rows of all models.
  func overlaps(
    _ executor: any PassExecutor, _ directions: DirectionStore
  ) throws -> OverlapStore {
    let plan = executor.plan
    let tasks = tasks(plan)
    let units = try executor.units(fileKind)
    let store = OverlapStore(
      units.ownFile, tasks: tasks, modelCount: plan.modelCount, size: size)
    let blocks = SketchBlock.all(of: tasks, modelCount: plan.modelCount)
    try executor.work(self, .energies, on: blocks, units, byteCount: { $0.byteCount }) {
      [size, kernels = executor.kernels] worker in
      let projector = OverlapProjector(
        directions, plan, tasks: tasks, size: size, kernels: kernels, worker: worker)
      return { block in
        try store.put(projector.numbers(block), block)
        return []
      }
    }
    return store
  }
}

/// Projects the rows of blocks, in one lane.
private final class OverlapProjector {
  private let source: DirectionStore
  private let size: SketchSize
  private let modelCount: Int
  private let kernels: Kernels
  private let projector: RowProjector
  /// The bases of the models; an empty one of a model that does not change the layer.
  private var bases: [(width: Int, panels: [Float])] = []
  private var ordinal: Int?

  init(
    _ source: DirectionStore, _ plan: TensorPlan, tasks: [TensorTask], size: SketchSize,
    kernels: Kernels, worker: PassWorker
  ) {
    self.source = source
    self.size = size
    self.kernels = kernels
    modelCount = plan.modelCount
    projector = RowProjector(plan, tasks: tasks, size: size, kernels: kernels, worker: worker)
  }

  /// What there is to say of a block: as `OverlapStore` has it.
  func numbers(_ block: SketchBlock) throws -> [Double] {
    let task = block.task
    try begin(task)
    let width = size.width(task)
    var numbers = [Double](repeating: 0, count: OverlapStore.count(task, size))
    try projector.forEach(block.rows.rows, of: task, model: block.model) { rows in
      for (model, basis) in bases.enumerated() where basis.width > 0 {
        projector.project(
          rows.count, columns: task.columnCount, on: basis.panels, width: basis.width)
        projector.addSquares(rows.count, width: basis.width, to: &numbers, at: model * width)
        guard model == block.model else { continue }
        // Behind the models' numbers there is room for a square.
        projector.addGram(rows.count, width: basis.width, to: &numbers, at: modelCount * width)
      }
    }
    return numbers
  }

  private func begin(_ task: TensorTask) throws {
    guard task.ordinal != ordinal else { return }
    (ordinal, bases) = (nil, [])
    for model in 0..<modelCount {
      let found = try source.directions(of: task, model: model)
      bases.append((found.width, found.width > 0 ? found.basis(kernels) : []))
    }
    ordinal = task.ordinal
  }
}
