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

  package func graph(_ plan: TensorPlan) -> PassGraph {
    .lanes(plan, stages + ["count signs"])
  }

  package func run(_ executor: any PassExecutor, _ findings: inout PassFindings) throws {
    let modelCount = executor.plan.modelCount
    let majority = SignMajority()
    try executor.stream(self, after: findings.chain.transformChain) {
      [kernels = executor.kernels] in
      MajoritySink(modelCount: modelCount, majority: majority, kernels: kernels)
    }
    findings.inputs.majority = majority.value
  }
}
