internal import SluiceStages

extension StepMethod {
  /// All methods, in the order of documentation.
  package static let table: [StepMethod] = [
    linear, passthrough, taskArithmetic, ties, dareLinear, dareTies, breadcrumbs, breadcrumbsTies,
    della, dellaLinear,
    slerp, nuslerp, multislerp, karcher, modelStock, sce, nearSwap, ram, ramPlus, arceeFusion,
  ]

  private static let linear = StepMethod(
    name: "linear", summary: "The mean of the models by weight, or their weighted sum.",
    base: .unused,
    parameters: [.number("weight", .input, nil), .truth("normalize", true)],
    paper: "Model soups (arXiv 2203.05482)",
    rule: { setup, _ in
      StepOperator("linear", setup, rows: LinearRule.rows) { setup, _ in LinearRule(setup) }
    })

  private static let passthrough = StepMethod(
    name: "passthrough", summary: "One model as it is, or times a number.",
    base: .unused, models: (1, 1), parameters: [.number("scale", .input, .nan)], paper: "",
    rule: { setup, _ in
      StepOperator("passthrough", setup, rows: 1) { setup, _ in PassthroughRule(setup) }
    })

  private static let nearSwap = StepMethod(
    name: "nearswap", summary: "Take of another model what is near the base, and move the rest.",
    base: .required, models: (1, 1), parameters: [.number("t", .all, nil)],
    paper: "NearSwap (alchemonaut, 2023)",
    rule: { setup, _ in
      StepOperator("nearswap", setup, rows: NearSwapRule.rows) { setup, _ in NearSwapRule(setup) }
    })

  private static let ram = StepMethod(
    name: "ram", summary: "Add up what one model alone changes, and average what several change.",
    base: .required, parameters: [.number("epsilon", .all, 1e-5)],
    paper: "RAM (Behavior Knowledge Merge in Reinforced Agentic Models, 2026)",
    rule: { setup, _ in
      StepOperator("ram", setup, rows: RAMRule.rows) { setup, _ in RAMRule(setup) }
    })
}
