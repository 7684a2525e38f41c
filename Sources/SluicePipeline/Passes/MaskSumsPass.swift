internal import SluiceMethods
internal import SluiceRecipe
package import SluiceStages

/// Adds up each tensor's |delta| before and after the mask: their quotient makes up for what it removes.
package struct MaskSumsPass: TensorPass {
  package let roles: Set<TensorRole>

  private let stages: [String]

  init(_ inputs: PassInputs) {
    roles = Set<TensorRole>(inputs.recipe.method.maskScope)
    stages = inputs.stageNames(through: .delta) + inputs.standIns.mask.transforms.map(\.name)
  }

  package var name: String { "mask sums" }
  package var reason: String {
    "the rescale of a tensor makes up for what the mask removes of its sum"
  }

  package func graph(_ plan: TensorPlan) -> PassGraph {
    .lanes(plan, stages + ["sum"])
  }

  package func workerBytes(_ sizes: PassSizes) -> Int {
    MaskSumSink.byteCount(modelCount: sizes.modelCount) + sizes.unpackingBytes
  }

  package func run(_ executor: any PassExecutor, _ findings: inout PassFindings) throws {
    let modelCount = executor.plan.modelCount
    let sums = MaskSums(taskCount: executor.plan.tasks.count, modelCount: modelCount)
    try executor.stream(self, after: findings.transforms(through: .delta)) {
      [kernels = executor.kernels, mask = findings.mask] in
      MaskSumSink(modelCount: modelCount, sums: sums, mask: mask, kernels: kernels)
    }
    findings.inputs.rescales = sums
  }
}
