internal import SluiceKernels
internal import SluiceMethods
internal import SluiceSolvers
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
    SketchBlock.all(of: tasks(plan), modelCount: plan.modelCount).reduce(0) { $0 + $1.byteCount }
  }

  package func bytesSpilled(_ plan: TensorPlan) -> Int {
    EnergyStore.byteCount(tasks(plan), size: size)
  }

  package func workerBytes(_ sizes: PassSizes) -> Int {
    let tasks = tasks(among: sizes.tasks)
    let columns = tasks.map(\.columnCount).max() ?? 0
    let rows = tasks.map { ModelRows.step($0) }.max() ?? 0
    let most = size.mostDirections(tasks)
    // Directions, a basis of them in Double, and that in panels.
    return RowReader.byteCount(elementCount: ModelRows.roomElements(columns))
      + 8 * size.mostPanelNumbers(tasks) + 12 * most * columns
      + 8 * (rows + 2) * most + PassUnits.pieceBytes
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
@safe private final class EnergyProjector {
  private let source: DirectionStore
  private let size: SketchSize
  private let reader: RowReader
  private let kernels: Kernels
  private let worker: PassWorker
  private let products: AlignedBuffer<Double>
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
    self.worker = worker
    reader = plan.rowReader(
      elementCount: ModelRows.roomElements(tasks.map(\.columnCount).max() ?? 0), kernels: kernels)
    let rows = tasks.map { ModelRows.step($0) }.max() ?? 0
    products = AlignedBuffer(count: rows * size.mostDirections(tasks), fill: 0)
  }

  /// What directions hold of a block.
  func energies(_ block: SketchBlock) throws -> [Double] {
    let (task, columns) = (block.task, block.task.columnCount)
    try begin(task, model: size.isJoint ? 0 : block.model)
    var sums = [Double](repeating: 0, count: size.width(task))
    let (rows, step) = (block.rows.rows, ModelRows.step(task))
    for first in stride(from: rows.lowerBound, to: rows.upperBound, by: step) {
      let some = first..<min(first + step, rows.upperBound)
      try worker.readPresentDeltas(
        reader, of: task, model: block.model,
        some.lowerBound * columns..<some.upperBound * columns)
      guard width > 0 else { continue }
      unsafe panels.withUnsafeBufferPointer { panels in
        guard let panels = panels.baseAddress else { return }
        // SAFETY: the reader's buffer holds all rows, and there is a product for each direction.
        unsafe kernels.project(
          reader.deltas.pointer, rowCount: some.count, count: columns, on: panels, width: width,
          to: products.pointer)
      }
      for row in 0..<some.count {
        for index in 0..<width {
          let product = unsafe products.pointer[row * width + index]
          sums[index] += product * product
        }
      }
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

extension Directions {
  /// An orthonormal basis of the directions, in their order: the first r of them span what the first r directions do.
  ///
  /// - Parameter kernels: The kernels to compute with.
  /// - Returns: The basis, in panels of right factors.
  func basis(_ kernels: Kernels) -> [Float] {
    let rows = basisRows(kernels)
    var found = panels
    for index in 0..<width {
      for column in 0..<columnCount {
        found[place(index, column)] = rows[index * columnCount + column]
      }
    }
    return found
  }

  /// The same, one direction after the other.
  func basisRows(_ kernels: Kernels) -> [Float] {
    let (width, count) = (width, columnCount)
    var rows = [Double](repeating: 0, count: width * count)
    for index in 0..<width {
      for column in 0..<count {
        rows[index * count + column] = Double(panels[place(index, column)])
      }
    }
    unsafe rows.withUnsafeMutableBufferPointer {
      guard let rows = $0.baseAddress else { return }
      // SAFETY: there are as many rows of that length.
      unsafe ThinBasis.orthonormalise(rows, count: width, length: count, kernels: kernels)
    }
    return rows.map { Float($0) }
  }

  /// Where a number of a direction lies in panels.
  private func place(_ index: Int, _ column: Int) -> Int {
    let length = FactorProduct.panelColumns
    return column / length * width * length + index * length + column % length
  }

  /// The first of the directions.
  ///
  /// - Parameter count: How many.
  /// - Returns: These.
  func first(_ count: Int) -> Directions {
    guard count < width else { return self }
    let length = FactorProduct.panelColumns
    var kept: [Float] = []
    kept.reserveCapacity(panels.count / max(width, 1) * count)
    for panel in stride(from: 0, to: panels.count, by: width * length) {
      kept += panels[panel..<panel + count * length]
    }
    return Directions(
      width: count, columnCount: columnCount, panels: kept, energies: energies)
  }
}

extension NodeKind {
  /// Reads rows of a layer of a model and projects them.
  static let energies = NodeKind("energies", bytes: .input)
}
