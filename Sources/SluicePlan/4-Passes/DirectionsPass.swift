internal import SluiceKernels
internal import SluiceMethods
internal import SluiceRecipe
internal import SluiceSolvers
package import SluiceStages

/// A pass over the sums of rows: finds in them the directions of inputs along which the deltas of a layer lie, of
/// each model, or of all together.
///
/// Formula: `DirectionFinder`, with the models' sums one behind the other, each divided by the norm of the model's
/// deltas. Signs are drawn as for rows, at positions behind these.
package struct DirectionsPass: FilePass {
  private let size: SketchSize
  private let seed: UInt64

  init(_ inputs: PassInputs) {
    self.init(inputs.sketchSize, seed: inputs.recipe.method.seed)
  }

  init(_ size: SketchSize, seed: UInt64) { (self.size, self.seed) = (size, seed) }

  package var fileKind: UnitKind { .directions }
  package var name: String { "directions" }
  package var reason: String { "directions along which deltas lie are found in the sums of rows" }
  package var cost: PassCost { .unknown }
  package var roles: Set<TensorRole> { [.linear] }

  package func graph(_ plan: TensorPlan) -> PassGraph {
    PassGraph([
      PassGraph.Node(.directions, count: plan.memory.lanes, stages: ["find directions"])
    ])
  }

  package func bytesRead(_ plan: TensorPlan) -> Int { 0 }

  package func bytesSpilled(_ plan: TensorPlan) -> Int {
    DirectionStore.byteCount(tasks(plan), modelCount: plan.modelCount, size: size)
  }

  package func workerBytes(_ sizes: PassSizes) -> Int {
    let tasks = tasks(among: sizes.tasks)
    let (rows, columns) = most(tasks)
    return DirectionFinder.byteCount(
      rowCount: rows, columnCount: columns, width: size.mostDirections(tasks))
      + SketchStore.readingBytes(tasks, size) + 4 * rows * columns
      + 4 * size.mostPanelNumbers(tasks) + PassUnits.pieceBytes
  }

  package func unitBytes(_ sizes: PassSizes) -> Int {
    let tasks = tasks(among: sizes.tasks)
    return jobs(tasks, sizes.modelCount).reduce(0) { sum, job in
      let pieces = 4 * size.panelCount(job.task) / PassUnits.pieceBytes + 2
      return sum + PassUnits.byteCount + pieces * MemoryLayout<StripRecords.Slot>.stride
    }
  }

  private func most(_ tasks: [TensorTask]) -> (rows: Int, columns: Int) {
    (
      size.sharing * (tasks.map(size.sumCount).max() ?? 0), tasks.map(\.columnCount).max() ?? 0
    )
  }

  private func jobs(_ tasks: [TensorTask], _ modelCount: Int) -> [DirectionsOf] {
    tasks.flatMap { task in
      size.isJoint
        ? [DirectionsOf(task: task, models: 0..<modelCount)]
        : (0..<modelCount).filter { task.fineTuned[$0] != nil }.map {
          DirectionsOf(task: task, models: $0..<$0 + 1)
        }
    }
  }

  package func run(_ executor: any PassExecutor, _ findings: inout PassFindings) throws {
    guard let sketches = findings.sketches else {
      preconditionFailure("rows are added up before")
    }
    findings.inputs.directions = try directions(executor, in: sketches)
  }

  /// Finds the directions of all layers.
  func directions(
    _ executor: any PassExecutor, in sketches: SketchStore
  ) throws -> DirectionStore {
    let plan = executor.plan
    let tasks = tasks(plan)
    let units = try executor.units(fileKind)
    let file = units.ownFile
    let store = DirectionStore(file, tasks: tasks, modelCount: plan.modelCount, size: size)
    let (rows, columns) = most(tasks)
    try executor.work(
      self, .directions, on: jobs(tasks, plan.modelCount), units, byteCount: { _ in 0 }
    ) { [size, seed, kernels = executor.kernels] worker in
      let finder = DirectionFinder(
        rowCount: rows, columnCount: columns, width: size.mostDirections(tasks), kernels: kernels)
      return { job in
        try worker.check()
        let task = job.task
        var (all, energies) = ([Float](), [Double]())
        for model in job.models {
          guard task.fineTuned[model] != nil else {
            energies.append(0)
            continue
          }
          let (sums, energy) = try sketches.sums(of: task, model: model)
          energies.append(energy)
          guard energy > 0 else { continue }
          let scale = Float(1 / energy.squareRoot())
          all += sums.map { $0 * scale }
        }
        let signs = RowSigns(seed: seed, tensor: task.name, kernels: kernels)
        let panels = unsafe all.withUnsafeBufferPointer { rows -> [Float] in
          guard let pointer = rows.baseAddress, !rows.isEmpty else { return [] }
          return unsafe finder.find(
            pointer, rowCount: rows.count / task.columnCount, columnCount: task.columnCount,
            width: size.width(task), signs: { signs.isPositive(task.baseRowCount + $0) },
            isOrthonormal: size.isJoint)
        }
        try store.put(panels, energies: energies, task, model: job.models.lowerBound)
        return try units.body(ofBytesIn: store.range(task, model: job.models.lowerBound))
      }
    }
    executor.didSpill(store.byteCount, in: self)
    return store
  }
}

/// Whose directions are found together.
private struct DirectionsOf: Sendable {
  let task: TensorTask
  let models: Range<Int>
}

extension NodeKind {
  /// Finds directions in sums of rows.
  static let directions = NodeKind("directions", bytes: .spill)
}
