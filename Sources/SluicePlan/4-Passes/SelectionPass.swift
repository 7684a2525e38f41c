internal import SluiceCore
internal import SluiceFormats
internal import SluiceKernels
internal import SluiceMethods
internal import SluiceRecipe
package import SluiceStages

/// Finds in each tensor the values at some ranks, or where the largest begin, of what a rule makes of all inputs: exactly, by counting
/// upper bits and then, where values have more, the lower bits of single bins.
package struct SelectionPass: TensorPass {
  private static let groupElements = 1 << 16

  private let selection: StepSelectionPass
  private let setup: StepSetup
  private let method: String

  /// The pass of a merge.
  static func passes(_ inputs: PassInputs) -> [any TensorPass] {
    guard let setup = inputs.steps, let steps = inputs.recipe.steps,
      let selection = steps.method.selection
    else { return [] }
    return [SelectionPass(selection: selection, setup: setup, method: steps.method.name)]
  }

  package var name: String { selection.what }
  package var reason: String { "\(method) must know where each tensor is cut" }
  package var roles: Set<TensorRole> { [.linear, .dense] }

  package func tasks(among tasks: [TensorTask]) -> [TensorTask] {
    tasks.filter {
      roles.contains($0.role) && $0.elementCount > 0 && selection.question(setup, $0) != nil
    }
  }

  package func graph(_ plan: TensorPlan) -> PassGraph {
    PassGraph([
      PassGraph.Node(.selection, count: plan.memory.lanes, stages: ["read", "weights", "count"])
    ])
  }

  package func bytesRead(_ plan: TensorPlan) -> Int {
    tasks(plan).reduce(0) {
      $0 + looks($1, plan.granularity) * byteCount($1, $1.elementCount)
    }
  }

  /// Up to three looks: at upper bits, at lower bits where there are some, and, in tensors of several strips, at
  /// who equals the threshold.
  private func looks(_ task: TensorTask, _ granularity: Granularity) -> Int {
    1 + (hasLowBits(task) ? 1 : 0) + (countsTies(task, granularity) ? 1 : 0)
  }

  private func hasLowBits(_ task: TensorTask) -> Bool { setup.working.dtype(of: task) != .bf16 }

  private func countsTies(_ task: TensorTask, _ granularity: Granularity) -> Bool {
    guard case .largest = selection.question(setup, task) else { return false }
    return granularity.stripCount(of: task.elementCount) > 1
  }

  private func byteCount(_ task: TensorTask, _ count: Int) -> Int {
    let base = task.base.byteCount(ofElements: count)
    return task.fineTuned.reduce(base) { sum, source in
      sum + base + (source?.byteCount(ofElements: count) ?? 0)
    }
  }

  package func workerBytes(_ sizes: PassSizes) -> Int {
    SelectionPass.groupElements * (8 + 4 + 4 + 4 * (sizes.modelCount + 1))
      + StepCounter.byteCount + StepArithmetic.byteCount(rows: StepSelectionPass.roomRows)
  }

  package func unitBytes(_ sizes: PassSizes) -> Int {
    sizes.tasks(in: roles).count * (PassUnits.byteCount + 192) + 16 * sizes.stripCount(in: roles)
  }

  package func run(_ executor: any PassExecutor, _ findings: inout PassFindings) throws {
    let plan = executor.plan
    let tasks = tasks(plan)
    let found = StepSelections()
    let rowNumbers = findings.inputs.rowNumbers
    var units = try executor.units(.selection)
    for (index, task) in tasks.enumerated() {
      units.restore(index) { body in
        guard let selection = StepSelection(body) else { return false }
        found.set(selection, of: task)
        return true
      }
    }
    let byteCount = { @Sendable [self, granularity = plan.granularity] (task: TensorTask) in
      looks(task, granularity) * self.byteCount(task, task.elementCount)
    }
    try executor.work(self, .selection, on: tasks, units, byteCount: byteCount) {
      [selection, setup, kernels = executor.kernels] worker in
      let reader = plan.rowReader(elementCount: SelectionPass.groupElements, kernels: kernels)
      let buffers = StepRowBuffers(
        elementCount: SelectionPass.groupElements, modelCount: plan.modelCount, setup,
        subtracts: true)
      let steps = StepArithmetic(rows: StepSelectionPass.roomRows, kernels: kernels)
      let rule = selection.makeRule(setup, rowNumbers)
      let counter = StepCounter()
      return { task in
        steps.dtype = setup.working.dtype(of: task)
        /// Looks at all values of the tensor, in order.
        func look(_ body: (StepRow, Int, Int) -> Void) throws {
          try rule.begin(task, steps)
          for first in stride(from: 0, to: task.elementCount, by: SelectionPass.groupElements) {
            try worker.check()
            let end = min(first + SelectionPass.groupElements, task.elementCount)
            let byteCount = try buffers.read(first..<end, of: task, reader, kernels: kernels)
            worker.countRead(byteCount)
            worker.advance(by: byteCount)
            for piece in buffers.pieces(of: 0..<end - first, firstElement: first) {
              body(try rule.values(of: piece, steps), piece.count, piece.firstElement)
            }
          }
        }
        guard let question = selection.question(setup, task) else { return [] }
        counter.clear()
        try look { row, count, _ in counter.add(row, count: count) }
        if hasLowBits(task) {
          counter.refine(counter.bins(of: counter.ranks(for: question)))
          try look { row, count, _ in counter.addFine(row, count: count) }
        }
        var answer = counter.answer(question)
        if countsTies(task, plan.granularity) {
          var ties = Array(repeating: 0, count: plan.granularity.stripCount(of: task.elementCount))
          let threshold = answer.cut?.threshold ?? 0
          try look { row, count, first in
            ties[first / plan.granularity.stripElements] += row.count(of: threshold, in: count)
          }
          answer.setTies(ties)
        }
        found.set(answer, of: task)
        return answer.bytes
      }
    }
    findings.inputs.selections = found
  }
}

extension NodeKind {
  /// Reads tensors of all inputs and counts values.
  static let selection = NodeKind("select", bytes: .input)
}

extension StepSelection {
  /// What a journal keeps of it: the number of values and the values; whether there is a cut, and the cut; ties.
  fileprivate var bytes: [UInt8] {
    var words = [UInt64(values.count)] + values.map { UInt64($0.bitPattern) }
    if let cut {
      words += [1, UInt64(cut.thresholdBits)]
      words += [cut.above, cut.tied, cut.keptOfTied].map { UInt64($0) }
    } else {
      words.append(0)
    }
    var bytes: [UInt8] = []
    for word in words + tiesBefore.map({ UInt64($0) }) { bytes.append(littleEndian: word) }
    return bytes
  }

  fileprivate init?(_ bytes: [UInt8]) {
    var reader = ByteReader(bytes)
    guard let count = reader.integer(UInt64.self), count <= 3 else { return nil }
    var values: [Float] = []
    for _ in 0..<count {
      guard let word = reader.integer(UInt64.self) else { return nil }
      values.append(Float(bitPattern: UInt32(truncatingIfNeeded: word)))
    }
    guard let hasCut = reader.integer(UInt64.self), hasCut <= 1 else { return nil }
    var cut: Cut?
    if hasCut == 1 {
      let words = (0..<4).compactMap { _ in reader.integer(UInt64.self) }
      guard words.count == 4, words.allSatisfy({ $0 < 1 << 62 }) else { return nil }
      cut = Cut(
        thresholdBits: UInt32(truncatingIfNeeded: words[0]), above: Int(words[1]),
        tied: Int(words[2]), keptOfTied: Int(words[3]))
    }
    var ties: [Int] = []
    while !reader.isAtEnd {
      guard let word = reader.integer(UInt64.self), word < 1 << 62 else { return nil }
      ties.append(Int(word))
    }
    self.init(values: values, cut: cut, tiesBefore: ties)
  }
}
