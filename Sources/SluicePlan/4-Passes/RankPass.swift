internal import SluiceCore
internal import SluiceFormats
internal import SluiceKernels
internal import SluiceMethods
internal import SluiceRecipe
package import SluiceStages

/// A pass over whole rows: draws which deltas stay, with chances by the rank of their magnitude in their row.
package struct RankPass: FilePass {
  /// How many elements are read at once, unless eight rows have more.
  private static let groupElements = 1 << 18

  private let setup: StepSetup
  private let seed: UInt64

  init(_ inputs: PassInputs) {
    guard let setup = inputs.steps else {
      preconditionFailure("ranks are asked for by methods with numbers of their own")
    }
    self.setup = setup
    seed = inputs.recipe.method.seed
  }

  package var fileKind: UnitKind { .keepBits }
  package var name: String { "ranks" }
  package var reason: String { "the chance of a delta to stay grows with its rank in its row" }
  package var roles: Set<TensorRole> { [.linear, .dense] }

  package func graph(_ plan: TensorPlan) -> PassGraph {
    PassGraph([
      PassGraph.Node(.ranks, count: plan.memory.lanes, stages: ["read", "delta", "rank", "draw"])
    ])
  }

  package func bytesRead(_ plan: TensorPlan) -> Int {
    jobs(tasks(plan), plan.modelCount).reduce(0) { $0 + $1.byteCount }
  }

  package func unitBytes(_ sizes: PassSizes) -> Int {
    jobs(tasks(among: sizes.tasks), sizes.modelCount).count
      * (PassUnits.byteCount + MemoryLayout<StripRecords.Slot>.stride)
  }

  package func bytesSpilled(_ plan: TensorPlan) -> Int {
    KeepBitStore.byteCount(tasks(plan), modelCount: plan.modelCount)
  }

  package func workerBytes(_ sizes: PassSizes) -> Int {
    let columns = sizes.tasks(in: roles).map(\.columnCount).max() ?? 0
    // Weights as they lie in the file (8 bytes at most), those of base and model as Float32, and bits.
    return RankPass.roomElements(columns) * (8 + 4 + 4 + 1)
      + RankSelection.byteCount(columnCount: columns)
  }

  private static func roomElements(_ columns: Int) -> Int { max(groupElements, 8 * columns) }

  private func jobs(_ tasks: [TensorTask], _ modelCount: Int) -> [ModelRows] {
    tasks.flatMap { task in
      (0..<modelCount).flatMap { model -> [ModelRows] in
        guard isSparse(task, model), task.elementCount > 0 else { return [] }
        // Eight rows end with a byte of bits.
        let step = max(8, RankPass.groupElements / max(task.columnCount, 1) / 8 * 8)
        return ModelRows.all(of: task, model: model, step: step)
      }
    }
  }

  private func isSparse(_ task: TensorTask, _ model: Int) -> Bool {
    setup.number("density", task, model: model) < 1
  }

  package func run(_ executor: any PassExecutor, _ findings: inout PassFindings) throws {
    let plan = executor.plan
    let tasks = tasks(plan)
    let units = try executor.units(fileKind)
    let file = units.ownFile
    let store = KeepBitStore(file, tasks: tasks, modelCount: plan.modelCount) { isSparse($0, $1) }
    let columns = tasks.map(\.columnCount).max() ?? 0
    let room = RankPass.roomElements(columns)
    try executor.work(
      self, .ranks, on: jobs(tasks, plan.modelCount), units, byteCount: { $0.byteCount }
    ) { [setup, seed, kernels = executor.kernels] worker in
      let reader = plan.rowReader(elementCount: room, kernels: kernels)
      let selection = RankSelection(columnCount: columns, kernels: kernels)
      let words = AlignedBuffer<UInt64>(count: room / 64 + 1, fill: 0)
      return { job in
        let task = job.task
        let columns = task.columnCount
        let elements = job.elements
        let dtype = setup.working.dtype(of: task)
        let byteCount = try reader.readRoundedDeltas(
          of: task, model: job.model, elements, roundedTo: dtype)
        worker.countRead(byteCount)
        words.fill(0)
        let density = setup.number("density", task, model: job.model)
        if density > 0 {
          selection.begin(
            columnCount: columns, density: density,
            epsilon: setup.number("epsilon", task, model: job.model), dtype)
          let start = DrawStart.start(seed: seed, model: job.model, tensor: task.name)
          for row in job.rows {
            let first = (row - job.rows.lowerBound) * columns
            // SAFETY: the reader's buffer holds all rows of the job, and the words their bits.
            unsafe selection.choose(
              reader.deltas.pointer + first, start: start, first: row * columns, bit: first,
              in: words.pointer)
          }
        }
        // SAFETY: as above.
        try unsafe store.put(
          UnsafeRawBufferPointer(start: words.pointer, count: (elements.count + 7) / 8),
          task: task, model: job.model, firstElement: elements.lowerBound)
        worker.advance(by: byteCount)
        return try units.body(ofBytesIn: store.range(elements, of: task, model: job.model))
      }
    }
    executor.didSpill(store.byteCount, in: self)
    findings.inputs.keepBits = store
  }
}

extension NodeKind {
  /// Reads rows and draws by rank.
  static let ranks = NodeKind("ranks", bytes: .input)
}

/// A bit for each element of each model, in a file.
final class KeepBitStore: KeepBitSource, Sendable {
  private let file: WorkFile
  private let places: ModelPlaces
  var byteCount: Int { places.byteCount }

  init(
    _ file: WorkFile, tasks: [TensorTask], modelCount: Int, isSparse: (TensorTask, Int) -> Bool
  ) {
    self.file = file
    places = ModelPlaces(tasks, modelCount: modelCount) { task, model in
      isSparse(task, model) ? (task.elementCount + 63) / 64 * 8 : nil
    }
  }

  /// The most bytes of a file for tensors.
  static func byteCount(_ tasks: [TensorTask], modelCount: Int) -> Int {
    tasks.reduce(0) { $0 + ($1.elementCount + 63) / 64 * 8 * modelCount }
  }

  /// Where the bits of elements lie.
  func range(_ elements: Range<Int>, of task: TensorTask, model: Int) -> Range<Int> {
    let start = places.start(of: task, model: model) ?? 0
    return start + elements.lowerBound / 8..<start + (elements.upperBound + 7) / 8
  }

  func put(
    _ bytes: UnsafeRawBufferPointer, task: TensorTask, model: Int, firstElement: Int
  ) throws {
    guard let start = places.start(of: task, model: model) else { return }
    // SAFETY: the caller's bytes outlive the call.
    try unsafe file.write(bytes, at: start + firstElement / 8)
  }

  func read(
    _ elements: Range<Int>, of task: TensorTask, model: Int,
    into words: UnsafeMutableRawBufferPointer
  ) throws -> Bool {
    guard let start = places.start(of: task, model: model) else { return false }
    let end = (elements.upperBound + 7) / 8
    // SAFETY: the caller has room for whole words.
    try unsafe file.read(
      into: UnsafeMutableRawBufferPointer(rebasing: words[..<(end - elements.lowerBound / 8)]),
      at: start + elements.lowerBound / 8)
    return true
  }
}
