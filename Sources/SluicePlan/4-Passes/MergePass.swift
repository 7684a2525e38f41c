internal import SluiceDataflow
internal import SluiceFormats
internal import SluiceMethods
internal import SluiceRecipe
package import SluiceStages

/// The last pass: the merged weights are made and written.
package struct MergePass: TensorPass {
  /// Three writes on their way keep a disk busier than two
  /// (docs/decisions/0019-lanes-read-for-themselves.md).
  package static let writerCount = 3

  private let stages: [String]

  init(_ inputs: PassInputs) {
    let chain = inputs.standIns.chain
    stages = chain.transforms.map(\.name) + ["merge (\(chain.linear.rule.name))"]
  }

  package var name: String { "merge" }
  package var reason: String { "the merged weights are made and written" }
  package var cost: PassCost { .merging }
  package var roles: Set<TensorRole> { [.linear, .dense, .averaged, .converted, .copied] }

  package func graph(_ plan: TensorPlan) -> PassGraph {
    var graph = PassGraph.lanes(
      plan, stages,
      edge: PassGraph.Edge(
        name: "merged",
        .queued(byteBound: plan.memory.outputBuffers * plan.memory.outputBufferBytes)))
    graph.nodes.append(
      PassGraph.Node(.writer, count: MergePass.writerCount, stages: ["write"]))
    return graph
  }

  package func bytesWritten(_ plan: TensorPlan) -> Int { plan.layout.tensorByteCount }

  package func run(_ executor: any PassExecutor, _ findings: inout PassFindings) throws {
    let chain = findings.chain
    let modelCount = executor.plan.modelCount
    let figures = executor.figures
    try executor.write(self, after: chain.transformChain) { [kernels = executor.kernels] output in
      MergeSink(
        modelCount: modelCount, chain: chain, output: output, kernels: kernels, figures: figures)
    }
  }
}

extension NodeKind {
  /// Writes the merged model.
  package static let writer = NodeKind("write", bytes: .output)
}
