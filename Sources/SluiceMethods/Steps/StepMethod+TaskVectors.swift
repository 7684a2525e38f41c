internal import SluiceStages

/// The methods on differences from a base: one rule, with different ways to make them sparse.
extension StepMethod {
  static let taskArithmetic = taskVectors(
    "task_arithmetic", "Add the deltas up, each times its model's weight.", elects: false,
    normalizes: false, paper: "Task arithmetic (arXiv 2212.04089)")

  static let ties = taskVectors(
    "ties", "Keep each tensor's largest deltas, elect a sign, and average what agrees by weight.",
    elects: true, normalizes: true, sparsity: .largest, rescales: false,
    paper: "TIES-Merging (arXiv 2306.01708)")

  static let dareLinear = taskVectors(
    "dare_linear", "Drop deltas at random, make up for it, and add the rest up.",
    elects: false, normalizes: false, sparsity: .draws, rescales: true,
    paper: "DARE (arXiv 2311.03099)")

  static let dareTies = taskVectors(
    "dare_ties", "Drop deltas at random, make up for it, elect a sign, and add up what agrees.",
    elects: true, normalizes: false, sparsity: .draws, rescales: true,
    paper: "DARE (arXiv 2311.03099), TIES (arXiv 2306.01708)")

  static let breadcrumbs = taskVectors(
    "breadcrumbs", "Drop each tensor's smallest and largest deltas, and add the rest up.",
    elects: false, normalizes: false, sparsity: .middle, rescales: false,
    paper: "Model breadcrumbs (arXiv 2312.06795)")

  static let breadcrumbsTies = taskVectors(
    "breadcrumbs_ties", "The same with an elected sign.",
    elects: true, normalizes: false, sparsity: .middle, rescales: false,
    paper: "Model breadcrumbs (arXiv 2312.06795), TIES (arXiv 2306.01708)")

  static let della = taskVectors(
    "della", "Drop deltas at random, the smaller of a row likelier, elect a sign, and average.",
    elects: true, normalizes: true, sparsity: .ranks, rescales: true,
    paper: "DELLA (arXiv 2406.11617)")

  static let dellaLinear = taskVectors(
    "della_linear", "The same, and what is left is added up.",
    elects: false, normalizes: false, sparsity: .ranks, rescales: true,
    paper: "DELLA (arXiv 2406.11617)")

  private static func taskVectors(
    _ name: String, _ summary: String, elects: Bool, normalizes: Bool,
    sparsity: Sparsity = .none, rescales: Bool = false, paper: String
  ) -> StepMethod {
    var parameters: [StepParameter] = [
      .number("weight", .model, nil), .number("density", .model, 1),
      .truth("normalize", normalizes), .truth("rescale", rescales), .number("lambda", .all, 1),
      .truth("int8_mask", false),
    ]
    if sparsity == .middle { parameters.append(.number("gamma", .model, 0.01)) }
    if sparsity == .ranks { parameters.append(.number("epsilon", .model, 0.15)) }
    return StepMethod(
      name: name, summary: summary, base: .required, parameters: parameters,
      takesDifferences: true, sparsity: sparsity, paper: paper,
      rule: { setup, _ in
        StepOperator(elects ? "elect" : "sum", setup, rows: TaskVectorRule.rows) { setup, _ in
          TaskVectorRule(setup, elects: elects)
        }
      })
  }
}
