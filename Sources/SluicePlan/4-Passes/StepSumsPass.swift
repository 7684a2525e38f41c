internal import SluiceFormats
internal import SluiceMethods
internal import SluiceRecipe
package import SluiceStages

/// Adds up over each tensor what a method must know before it merges: products of inputs, counts of changes.
package struct StepSumsPass: TensorPass {
  private let sums: StepSumPass
  private let setup: StepSetup
  private let sumCount: Int
  private let method: String
  private let isByRows: (@Sendable (StepSetup, TensorTask) -> Bool)?

  /// The passes of a merge, one for each round of sums.
  static func passes(_ inputs: PassInputs) -> [any TensorPass] {
    guard let setup = inputs.steps, let steps = inputs.recipe.steps else { return [] }
    return steps.method.sums.map { sums in
      StepSumsPass(
        sums: sums, setup: setup, sumCount: sums.sumCount(setup.inputs.count),
        method: steps.method.name, isByRows: steps.method.rows?.isByRows)
    }
  }

  package var name: String { sums.what }
  package var reason: String { "\(method) must know them of each tensor" }
  package var roles: Set<TensorRole> { [.linear, .dense] }

  package func tasks(among tasks: [TensorTask]) -> [TensorTask] {
    tasks.filter { roles.contains($0.role) && !(isByRows?(setup, $0) ?? false) }
  }

  package func graph(_ plan: TensorPlan) -> PassGraph { .lanes(plan, ["sum"]) }

  package func workerBytes(_ sizes: PassSizes) -> Int {
    StepArithmetic.byteCount(rows: sums.rows) + 128 * sumCount
      + sizes.stripCount(in: roles) * StepSums.byteCount(sumCount: sumCount)
  }

  package func unitBytes(_ sizes: PassSizes) -> Int {
    sizes.unitBytes(in: roles, modelBytes: 0) * (1 + 8 * sumCount / PassUnits.byteCount)
  }

  package func run(_ executor: any PassExecutor, _ findings: inout PassFindings) throws {
    let plan = executor.plan
    let found = StepSums(plan.granularity)
    let earlier = StepSumPass.SumInputs(
      sums: findings.inputs.sums, selections: findings.inputs.selections)
    let modelCount = plan.modelCount
    var units = try executor.units(.sums(of: earlier.sums.count))
    let count = sums.makeRule(setup, earlier, executor.kernels).count
    for strip in tasks(plan).lazy.flatMap({ plan.strips(of: $0) }) {
      units.restore(strip) { body in
        var reader = ByteReader(body)
        let sums = (0..<count).compactMap { _ in reader.integer(UInt64.self) }
        guard sums.count == count, reader.isAtEnd else { return false }
        found.put(strip, sums.map { Double(bitPattern: $0) })
        return true
      }
    }
    let chain = TransformChain([], partitionCount: 1, form: .weights(setup.working))
    try executor.stream(self, after: chain, units) {
      [sums, setup, units, kernels = executor.kernels] in
      StepSumSink(
        setup, sums.makeRule(setup, earlier, kernels), rows: sums.rows, modelCount: modelCount,
        kernels: kernels
      ) { strip, totals in
        found.put(strip.ordinal, totals)
        var body: [UInt8] = []
        for total in totals { body.append(littleEndian: total.bitPattern) }
        units.finished(strip.ordinal, body, workByteCount: strip.inputByteCount)
      }
    }
    findings.inputs.sums.append(found)
  }
}
