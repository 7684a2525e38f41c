internal import SluiceKernels
internal import SluiceMethods
internal import SluiceRecipe
internal import SluiceSolvers
package import SluiceStages

/// A pass over whole rows of linear layers that looks for the directions of inputs along which a model's deltas
/// put out most; two of them find these.
///
/// Formula, with D the deltas of a layer, a row for each output: the first makes Y0 = transpose(D) * Omega, Omega
/// being a row of signs for each output; the second takes an orthonormal basis Q of Y0's columns, and makes
/// Y = transpose(D) * (D * Q).
/// Sign (i, c) is + where the number drawn for the position i * r + c of a tensor of this name, as for the
/// first model of `dare`, is at least 2^23; r directions are looked for.
/// Source: Halko, Martinsson, Tropp, Finding structure with randomness (arXiv 0909.4061), one power step.
/// Accuracy: Double; sums run over the rows of a block in order, and over blocks in order.
package struct SketchPass: FilePass {
  /// Which of the two it is.
  enum Step: Sendable {
    /// With random signs.
    case start
    /// With the basis of what the first found.
    case directions
  }

  private let step: Step
  private let size: SketchSize
  private let seed: UInt64

  init(_ step: Step, _ inputs: PassInputs) {
    self.step = step
    size = inputs.sketchSize
    seed = inputs.recipe.method.seed
  }

  package var fileKind: UnitKind { step == .start ? .sketchStart : .sketch }
  package var name: String { step == .start ? "sketch start" : "sketch" }
  package var reason: String {
    step == .start
      ? "directions of inputs that deltas look at are searched for, from random signs on"
      : "the directions are weighed by what deltas put out along them"
  }
  package var cost: PassCost { .unknown }
  package var roles: Set<TensorRole> { [.linear] }

  package func graph(_ plan: TensorPlan) -> PassGraph {
    PassGraph([
      PassGraph.Node(
        .sketch, count: plan.memory.lanes,
        stages: ["read", "delta"] + (step == .start ? [] : ["project"]) + ["add up"])
    ])
  }

  package func bytesRead(_ plan: TensorPlan) -> Int {
    blocks(tasks(plan), plan.modelCount).reduce(0) { $0 + $1.byteCount }
  }

  package func bytesSpilled(_ plan: TensorPlan) -> Int {
    SketchStore.byteCount(tasks(plan), modelCount: plan.modelCount, size: size)
  }

  package func workerBytes(_ sizes: PassSizes) -> Int {
    let tasks = tasks(among: sizes.tasks)
    let columns = tasks.map(\.columnCount).max() ?? 0
    let matrices = step == .start ? 1 : 4
    return RowReader.byteCount(elementCount: ModelRows.roomElements(columns))
      + matrices * 8 * size.mostBlockNumbers(tasks)
      + BlockSketch.rowCount * 12 * size.rank
  }

  package func unitBytes(_ sizes: PassSizes) -> Int {
    let tasks = tasks(among: sizes.tasks)
    let pieces = 8 * (size.mostNumbers(tasks) + size.rank * size.rank) / PassUnits.pieceBytes + 1
    return blocks(tasks, sizes.modelCount).count
      * (PassUnits.byteCount + pieces * MemoryLayout<StripRecords.Slot>.stride)
  }

  private func blocks(_ tasks: [TensorTask], _ modelCount: Int) -> [SketchBlock] {
    SketchBlock.all(of: tasks, modelCount: modelCount)
  }

  package func run(_ executor: any PassExecutor, _ findings: inout PassFindings) throws {
    let plan = executor.plan
    let tasks = tasks(plan)
    let units = try executor.units(fileKind)
    guard let file = units.file else { preconditionFailure("units of a file have one") }
    let store = SketchStore(file, tasks: tasks, modelCount: plan.modelCount, size: size)
    try executor.work(
      self, .sketch, on: blocks(tasks, plan.modelCount), units, byteCount: { $0.byteCount }
    ) { [step, size, seed, kernels = executor.kernels, found = findings.inputs.directions] worker in
      let sketch = BlockSketch(
        tasks, plan, size: size, seed: seed, basis: step == .start ? nil : found,
        kernels: kernels, worker: worker)
      return { block in
        try unsafe store.put(sketch.make(block), block)
        return try units.body(ofBytesIn: store.range(block))
      }
    }
    executor.didSpill(store.byteCount, in: self)
    findings.inputs.directions = store
    if step == .directions {
      findings.sketched = try store.held(tasks, modelCount: plan.modelCount)
    }
  }
}

/// Sums over the rows of a block, in one lane.
@safe private final class BlockSketch {
  /// How many rows are added up together.
  static let rowCount = 16

  private let reader: RowReader
  private let size: SketchSize
  private let seed: UInt64
  private let source: (any DirectionSource)?
  private let kernels: Kernels
  private let worker: PassWorker
  private let sums: AlignedBuffer<Double>
  private let weights: AlignedBuffer<Double>
  private let draws: AlignedBuffer<UInt32>
  /// The basis at hand, and of what it is.
  private let basis: AlignedBuffer<Double>
  private var owner: (task: Int, model: Int)?
  private let squares: SquareSum

  init(
    _ tasks: [TensorTask], _ plan: TensorPlan, size: SketchSize, seed: UInt64,
    basis source: (any DirectionSource)?, kernels: Kernels, worker: PassWorker
  ) {
    self.size = size
    self.seed = seed
    self.source = source
    self.kernels = kernels
    self.worker = worker
    squares = SquareSum(kernels)
    let count = size.mostNumbers(tasks)
    reader = RowReader(
      elementCount: ModelRows.roomElements(tasks.map(\.columnCount).max() ?? 0),
      files: plan.files, modelNames: plan.modelNames, kernels: kernels, source: plan.deltas)
    sums = AlignedBuffer(count: size.mostBlockNumbers(tasks), fill: 0)
    basis = AlignedBuffer(count: source == nil ? 0 : count, fill: 0)
    weights = AlignedBuffer(count: BlockSketch.rowCount * size.rank, fill: 0)
    draws = AlignedBuffer(count: BlockSketch.rowCount * size.rank, fill: 0)
  }

  /// The sum over a block.
  func make(_ block: SketchBlock) throws -> UnsafePointer<Double> {
    let (task, columns, width) = (block.task, block.task.columnCount, size.rank(of: block.task))
    try prepareBasis(block)
    sums.fill(0)
    let start = DrawStart.start(seed: seed, model: 0, tensor: task.name)
    let step = ModelRows.step(task)
    for first in stride(from: block.rows.lowerBound, to: block.rows.upperBound, by: step) {
      try worker.check()
      let rows = first..<min(first + step, block.rows.upperBound)
      let byteCount = try reader.readPresentDeltas(
        of: task, model: block.model, rows.lowerBound * columns..<rows.upperBound * columns)
      worker.countRead(byteCount)
      worker.advance(by: byteCount)
      for row in stride(from: rows.lowerBound, to: rows.upperBound, by: BlockSketch.rowCount) {
        let count = min(BlockSketch.rowCount, rows.upperBound - row)
        // SAFETY: the reader's buffer holds all rows, and the others as many numbers as a layer can have.
        let deltas = unsafe reader.deltas.pointer + (row - rows.lowerBound) * columns
        if source == nil {
          drawSigns(row, count * width, width, start)
        } else {
          unsafe weights.pointer.update(repeating: 0, count: count * width)
          unsafe kernels.project(
            deltas, rowCount: count, count: columns, on: basis.pointer, width: width,
            to: weights.pointer)
        }
        unsafe kernels.spread(
          deltas, rowCount: count, count: columns, weights: weights.pointer, width: width,
          to: sums.pointer)
        for index in 0..<(source == nil ? 0 : count) {
          unsafe addBeside(
            deltas + index * columns, columns, weights.pointer + index * width, width,
            after: size.count(task))
        }
      }
    }
    return unsafe UnsafePointer(sums.pointer)
  }

  /// Adds up what lies behind the matrix: products of what the row puts out, and its squares.
  private func addBeside(
    _ deltas: UnsafePointer<Float>, _ columns: Int, _ weights: UnsafePointer<Double>, _ width: Int,
    after count: Int
  ) {
    // SAFETY: behind the matrix there is room for a square and a number.
    let square = unsafe sums.pointer + count
    for row in 0..<width {
      unsafe kernels.add(
        weights[row], times: weights, to: square + row * width, count: row + 1)
    }
    unsafe square[width * width] += squares.of(deltas, count: columns)
  }

  private func drawSigns(_ row: Int, _ count: Int, _ width: Int, _ start: UInt64) {
    // SAFETY: both buffers hold the numbers of the rows.
    unsafe kernels.draw(into: draws.pointer, count: count, start: start, first: row * width)
    for index in 0..<count {
      unsafe weights.pointer[index] = draws.pointer[index] >= 1 << 23 ? 1 : -1
    }
  }

  private func prepareBasis(_ block: SketchBlock) throws {
    guard let source, owner ?? (-1, -1) != (block.task.ordinal, block.model) else { return }
    owner = nil
    let found = try source.directions(of: block.task, model: block.model)
    // SAFETY: the buffers hold as many numbers as any layer's matrix.
    unsafe found.values.withUnsafeBufferPointer {
      guard let values = $0.baseAddress else { return }
      unsafe basis.pointer.update(from: values, count: found.values.count)
    }
    unsafe ThinBasis.orthonormalise(
      basis.pointer, rowCount: block.task.columnCount, width: found.width, scratch: sums.pointer,
      kernels: kernels)
    owner = (block.task.ordinal, block.model)
  }
}

extension NodeKind {
  /// Reads rows of a layer and adds up thin matrices.
  static let sketch = NodeKind("sketch", bytes: .input)
}
