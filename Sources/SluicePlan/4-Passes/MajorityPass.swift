internal import SluiceFormats
internal import SluiceMethods
internal import SluiceRecipe
package import SluiceStages

/// Counts the signs that elements elect, as the original TIES asks for where deltas add up to zero.
package struct MajorityPass: TensorPass {
  package let roles: Set<TensorRole>

  private let stages: [String]

  init(_ inputs: PassInputs) {
    roles = inputs.recipe.electedRoles
    stages = inputs.standIns.chain.transforms.map(\.name)
  }

  package var name: String { "majority" }
  package var reason: String {
    "where deltas add up to zero, TIES elects the sign of the majority"
  }

  package var reach: PassReach { .everything }

  package func graph(_ plan: TensorPlan) -> PassGraph {
    .lanes(plan, stages + ["count signs"])
  }

  package func unitBytes(_ sizes: PassSizes) -> Int {
    sizes.unitBytes(in: roles, modelBytes: 0) + PassUnits.byteCount
  }

  package func run(_ executor: any PassExecutor, _ findings: inout PassFindings) throws {
    findings.inputs.majority = try executor.known.majority ?? count(executor, findings)
  }

  /// Counts the tensors of a plan.
  ///
  /// - Parameters:
  ///   - executor: What executes the pass.
  ///   - findings: What is known.
  /// - Returns: How many more elements elect plus than minus.
  /// - Throws: What keeps tensors from being read.
  package func count(_ executor: any PassExecutor, _ findings: PassFindings) throws -> Int {
    let modelCount = executor.plan.modelCount
    let majority = SignMajority()
    var units = try executor.units(.majority)
    for strip in tasks(executor.plan).lazy.flatMap({ executor.plan.strips($0) }) {
      units.restore(strip.ordinal) { body in
        var reader = ByteReader(body)
        guard let bits = reader.integer(UInt64.self) else { return false }
        let count = Int(truncatingIfNeeded: bits)
        guard count.magnitude <= strip.elements.count else { return false }
        majority.add(count)
        return true
      }
    }
    try executor.stream(self, after: findings.chain.transformChain, units) {
      [kernels = executor.kernels, units] in
      MajoritySink(modelCount: modelCount, kernels: kernels) { strip, count in
        majority.add(count)
        var body: [UInt8] = []
        body.append(littleEndian: UInt64(truncatingIfNeeded: count))
        units.finished(strip.ordinal, body, workByteCount: strip.inputByteCount)
      }
    }
    return majority.value
  }
}
