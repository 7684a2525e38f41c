internal import SluiceRecipe
internal import SluiceCore
internal import SluiceDataflow
internal import SluiceFormats
internal import SluiceKernels
internal import SluiceStages
internal import Synchronization

/// A pass over whole rows of linear layers, which the strips of the other passes may cut in two:
/// finds where each row is cut.
struct RowPass {
  /// How many elements are read at once, unless a row has more.
  private static let groupElements = 1 << 18

  private struct Job: Sendable {
    let task: TensorTask
    let model: Int
    let rows: Range<Int>
  }

  let tasks: [TensorTask]
  let context: RunContext
  let kernels: Kernels
  let store: RowCutStore

  /// The bytes that a lane holds.
  static func byteCount(columnCount: Int) -> Int {
    // Base and tuned weights as they lie in the file (8 bytes at most), and both as Float32.
    let elements = max(groupElements, columnCount)
    return elements * (8 + 4 + 4) + RowSelection.byteCount(columnCount: columnCount)
  }

  /// The bytes read: each model is looked at by itself, so the base is read once for each.
  static func inputByteCount(_ linear: [TensorTask]) -> Int {
    linear.reduce(0) { sum, task in
      let base = task.elementCount * (task.base.dtype.byteCount ?? 1)
      return task.fineTuned.reduce(sum) {
        $0 + base + ($1.map { task.elementCount * $0.readWidth } ?? 0)
      }
    }
  }

  func run() throws -> PassMetrics {
    let jobs = tasks.flatMap { task in
      (0..<context.plan.recipe.models.count).flatMap { model in
        let step = max(1, RowPass.groupElements / max(task.columnCount, 1))
        return stride(from: 0, to: task.rowCount, by: step).map {
          Job(task: task, model: model, rows: $0..<min($0 + step, task.rowCount))
        }
      }
    }
    let next = Atomic<Int>(0)
    let graph = Graph(cancellation: context.cancellation)
    for lane in 1...context.plan.memory.lanes {
      graph.add("rows \(lane)", .source) { [context] node in
        let lease = try context.budget.acquire(context.plan.memory.tableBytes)
        defer { lease.release() }
        let columns = tasks.map(\.columnCount).max() ?? 0
        let reader = RowReader(
          elementCount: max(RowPass.groupElements, columns), files: context.plan.files,
          modelNames: context.plan.recipe.models.map(\.name), kernels: kernels,
          source: context.plan.deltas)
        let selection = RowSelection(columnCount: columns, kernels: kernels)
        while true {
          let index = next.wrappingAdd(1, ordering: .relaxed).oldValue
          guard index < jobs.count else { return }
          try node.cancellation.check()
          try work(on: jobs[index], reader, selection, node)
        }
      }
    }
    return PassMetrics(name: "rows", tensorCount: tasks.count, run: try graph.run())
  }

  private func work(
    on job: Job, _ reader: RowReader, _ selection: RowSelection, _ node: NodeContext
  ) throws {
    let columns = job.task.columnCount
    let norms = try store.norms(of: job.task, model: job.model)
    let elements = (job.rows.lowerBound * columns)..<(job.rows.upperBound * columns)
    let byteCount = try reader.readDeltas(of: job.task, model: job.model, elements)
    node.count(bytes: byteCount)
    let rate = context.plan.settings.pruningRate(of: job.task, model: job.model).value
    let cuts = job.rows.indices.map { row in
      // SAFETY: the reader's buffer holds all rows of the job.
      unsafe selection.cut(
        reader.deltas.pointer + (row - job.rows.lowerBound) * columns, norms: norms, rate: rate)
    }
    try store.put(cuts, task: job.task, model: job.model, firstRow: job.rows.lowerBound)
    context.progress.advance(by: byteCount)
    context.work.meter.countRead(byteCount)
  }
}
