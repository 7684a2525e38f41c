internal import SluiceMethods
package import SluiceStages

/// Another look at tensors that were counted in bins: where a bound falls into a bin, the bin is counted
/// value by value.
///
/// It follows a pass that counts, as often as bounds ask for it, over those tensors alone; weights of 16
/// bits hardly ever do.
package struct RefinePass: TensorPass {
  private let what: String
  private let stages: [String]
  private let binCount: Int
  package let roles: Set<TensorRole>

  /// Describes the look.
  ///
  /// - Parameters:
  ///   - what: What asks for it.
  ///   - roles: The roles of the tensors that were counted.
  ///   - stages: The names of the stages that stand before the counting.
  ///   - binCount: The most bins that one answer asks for.
  package init(
    _ what: String, of roles: Set<TensorRole>, after stages: [String], binCount: Int
  ) {
    self.what = what
    self.roles = roles
    self.stages = stages
    self.binCount = binCount
  }

  package var name: String { "refine \(what)" }
  package var reason: String {
    "where a bound falls into a bin of an F32 histogram, the bin is counted value by value"
  }
  package var isConditional: Bool { true }

  /// The tensors that may be counted in bins: those of F32 weights, and all that stages make other
  /// numbers of.
  package func tasks(among tasks: [TensorTask]) -> [TensorTask] {
    let (roles, hasStages) = (Array(roles), !stages.isEmpty)
    return tasks.filter { task in
      (hasStages || task.isCountedInBins) && roles.contains(task.role)
    }
  }

  package func graph(_ plan: TensorPlan) -> PassGraph {
    .lanes(plan, stages + ["count"])
  }

  package func workerBytes(_ sizes: PassSizes) -> Int {
    // One more than is asked for at a time: a threshold and the mean, say.
    RefineSink.byteCount(modelCount: sizes.modelCount, binCount: binCount + 1)
      + sizes.unpackingBytes
  }

  /// The pass that counted runs it, when it is asked what it does not know.
  package func run(_ executor: any PassExecutor, _ findings: inout PassFindings) {}
}
